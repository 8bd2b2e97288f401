"""What the codes of this room mean: refusals of rule text, and how a packet's way on one host may end."""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "KPS501",
        "the text is no iptables-save dump",
        "A dump is a row of tables: `*nat`, chain lines such as `:KUBE-SERVICES - [0:0]`, rules such "
        "as `-A KUBE-SERVICES ...`, and `COMMIT`. The line named stands outside of that order, or "
        "names a table that does not exist. Dumps that were cut off in the middle, or pasted with a "
        "shell's prompt in front, end up here.",
        "iptables-save > node-a.rules",
    ),
    Explanation(
        "KPS502",
        "iptables would refuse this rule",
        "The words of the rule do not add up: an option without its value, a port without `-p tcp`, "
        "an address that is none, an option that no loaded match knows. What is merely unknown to "
        "this program is no mistake: an unknown match stays in the rule, and a packet whose fate "
        "hangs on it ends as `unmodelled`.",
        "-A KUBE-SERVICES --dport 80 -j DROP      needs -p tcp before --dport",
    ),
    Explanation(
        "KPS503",
        "a chain is missing, or chains call each other in a circle",
        "A jump must lead to a chain that the same table declares, a rule must stand in one, and no "
        "chain may lead back to itself: the kernel refuses such a table as a whole. Chain names have "
        "at most 28 characters. A circle that no hook leads to does no harm and is let through, as the "
        "kernel does.",
        ":A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -j A      refused: A -> B -> A",
    ),
    Explanation(
        "KPS504",
        "this is no command of iptables-restore",
        "A line within a table begins with a command: `-A` as iptables-save prints it, or another one that "
        "iptables-restore takes: -I, -R, -D, -C, -P, -N, -F, -Z, -X, -E, -L, -S, in short or long form. "
        "Options that choose a table or wait for a lock (`-t`, `-w`) belong on iptables' own command line.",
        "-t nat -A PREROUTING ...      write *nat, and under it -A PREROUTING ...",
    ),
    Explanation(
        "KPS505",
        "this target does not work in this table",
        "DNAT, SNAT and MASQUERADE live in table nat, REJECT in filter, CT in raw; and each at some hooks "
        "only: MASQUERADE where packets leave, DNAT where they come in or are made, `-m owner` where they "
        "are made or leave. It counts from which base chains the rule can be reached. The kernel refuses "
        "the rule anywhere else.",
        "*filter\n-A INPUT -p tcp -j DNAT --to-destination 10.44.0.5:8080      belongs into *nat",
    ),
    Explanation(
        "KPS506",
        "this command cannot be carried out here",
        "What a command asks for is not there at this point of the text: a rule with that number or that "
        "text, a base chain to set a policy of, a name that is still free. A chain can be deleted only when "
        "it is empty and nothing jumps to it. Without --noflush a table is empty but for its base chains "
        "when its section begins.",
        "-X KUBE-OLD      write -F KUBE-OLD before, and delete the rules that jump there",
    ),
    Explanation(
        "unmodelled",
        "a rule decided that the engine does not know",
        "The packet reached a rule whose match or target is not modelled, and everything else in that"
        " rule held. What the kernel would do is not guessed: the branch ends here and names the "
        "match or target.",
        "-A FORWARD -m u32 --u32 ... -j DROP",
    ),
    Explanation(
        "dropped-by-rule",
        "a rule dropped the packet",
        "The last rule of the trace has the target DROP. The sender hears nothing and runs into a timeout.",
    ),
    Explanation(
        "dropped-by-policy",
        "no rule decided, and the policy of the base chain is DROP",
        "The packet ran off the end of a base chain. Under a FORWARD policy of DROP, what kube-proxy "
        "marked is accepted by KUBE-FORWARD; traffic that is not marked (pod to cluster IP, "
        "externalTrafficPolicy: Local) depends on the rules of the pod network.",
    ),
    Explanation(
        "rejected-by-rule",
        "a REJECT rule answered",
        "The packet is thrown away and its sender told: by ICMP (port unreachable unless the rule "
        "says otherwise), or by a TCP reset. A client sees `connection refused` for port unreachable "
        "and for a reset.",
    ),
    Explanation(
        "loopback-address-on-the-wire",
        "an address of 127.0.0.0/8 or ::1 came from outside",
        "Loopback addresses must not cross a wire. The kernel drops such a packet as martian after "
        "PREROUTING, unless net.ipv4.conf.*.route_localnet is 1 for IPv4.",
    ),
    Explanation(
        "address-of-no-host",
        "a packet from an address that no host has, or to 0.0.0.0",
        "Nobody speaks from a group (224.0.0.0/4), from 255.255.255.255 or from 0.0.0.0. The kernel drops "
        "such a packet as martian after PREROUTING, and one to 0.0.0.0 too. Only to everybody "
        "(255.255.255.255) may a host speak from 0.0.0.0: so it asks for an address.",
    ),
    Explanation(
        "loopback-source-leaves",
        "a packet from 127.0.0.1 was sent to another host",
        "A process that dials 127.0.0.1:nodePort has the source 127.0.0.1. After DNAT the packet has "
        "to leave the node, which the kernel forbids for that source while route_localnet is 0: the "
        "packet is gone before filter OUTPUT, and connect() hangs. kube-proxy sets route_localnet to "
        "1 unless iptables.localhostNodePorts is false.",
    ),
    Explanation(
        "own-address-as-source",
        "a packet came in whose source is this very host",
        "Nobody else may send with this host's address, so the kernel drops the packet as martian. "
        "This is what happens to a pod that reaches itself through its Service if the packet is not "
        "masqueraded (hairpin).",
    ),
    Explanation(
        "reverse-path-filter",
        "the way back to the source leaves by another device",
        "rp_filter=1 (strict) drops packets whose answer would not leave by the device that they came"
        " in by; 2 (loose) drops those from sources without any route. The drop comes after "
        "PREROUTING: the trace shows the DNAT, and then nothing.",
    ),
    Explanation(
        "forwarding-off",
        "this host does not forward",
        "net.ipv4.ip_forward, which is net.ipv4.conf.all.forwarding, or that of the device that the packet "
        "came in by, is 0 (for IPv6 net.ipv6.conf.all.forwarding), so a packet for another host is dropped "
        "without a word. Nodes of a cluster need it on.",
    ),
    Explanation(
        "no-route",
        "the host has no route to the destination",
        "The router that gave up tells the sender so by ICMP (net unreachable).",
    ),
    Explanation(
        "no-route-from-here",
        "the sender itself has no route",
        "connect() and send() fail at once with ENETUNREACH. No rule is read, even if DNAT would have"
        " led to a reachable endpoint: the route for the original destination is looked up first.",
    ),
    Explanation(
        "no-route-after-dnat",
        "the packet's new destination has no route",
        "DNAT in OUTPUT changed the destination, the packet was routed again, and no route leads there.",
    ),
    Explanation(
        "no-address-to-masquerade",
        "no device has an address for MASQUERADE",
        "MASQUERADE takes an address of the output device, or of another one if that has none. No "
        "device had any of this family.",
    ),
    Explanation(
        "broadcast-not-forwarded",
        "the destination is a broadcast or multicast address",
        "Such packets are not forwarded, and no Service is served by them.",
    ),
    Explanation(
        "no-address-to-redirect",
        "REDIRECT found no address on the device that the packet came in by",
        "REDIRECT sends a packet to the first address of its input device. That device has none of this "
        "family, and the kernel drops the packet.",
        "-A PREROUTING -i veth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",
    ),
)
