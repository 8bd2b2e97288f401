"""What the codes of this room mean: how a packet's way ends, and why."""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "served-by-endpoint",
        "an endpoint of the Service took the packet",
        "kube-proxy's rules chose an endpoint, DNAT changed the destination to it, and a process "
        "listens there.",
    ),
    Explanation(
        "dialled-directly",
        "a pod took a packet that was addressed to it",
        "No Service was involved: the destination was the pod's own address.",
    ),
    Explanation(
        "no-rule-matched",
        "no rule of a Service matched, so the packet went to the host itself",
        "The destination is an address of the node, and no Service claims this address, protocol and "
        "port there. A process of the node answers if one listens; otherwise the kernel refuses the "
        "connection. `nearest` names the rule that missed by one condition.",
        "nearest  nat:KUBE-SERVICES:2   2 of 3 conditions hold; dst is 10.128.0.12, rule wants 198.51.100.12",
    ),
    Explanation(
        "endpoint-does-not-listen",
        "the chosen endpoint has no process on that port",
        "kube-proxy forwards to what the EndpointSlice says. If the pod listens on another port, the "
        "connection is refused by the pod: compare spec.ports[].targetPort with the port of the "
        "container.",
    ),
    Explanation(
        "no-such-connection",
        "the host knows no connection that this TCP packet belongs to",
        "Only a SYN opens a connection. Anything else that comes to a port out of the blue is answered "
        "by a reset, or by nothing where it is a reset itself or has no ACK.",
    ),
    Explanation(
        "no-endpoints",
        "the Service has no usable endpoint anywhere",
        "kube-proxy writes no DNAT for such a Service but a REJECT in the filter table, for each of "
        "its addresses. A process of the node that listens on a node port or behind an externalIP of "
        "the Service is cut off by that rule as well.",
        '-A KUBE-EXTERNAL-SERVICES -m comment --comment "default/echo:http has no endpoints" ... -j REJECT',
    ),
    Explanation(
        "no-local-endpoints",
        "the policy is Local, and this node has no endpoint",
        "Under externalTrafficPolicy: Local a node serves outside traffic from its own endpoints "
        "only. With endpoints elsewhere it drops the packet without an answer: the client runs into a"
        " timeout. Pods and processes of the node are served all the same. Under "
        "internalTrafficPolicy: Local it is the cluster IP that a node serves from its own endpoints "
        "only, and its own pods that run into the timeout.",
    ),
    Explanation(
        "source-not-in-ranges",
        "spec.loadBalancerSourceRanges does not let this source in",
        "KUBE-FW lets the listed ranges through and falls off its end for others; KUBE-PROXY-FIREWALL"
        " then drops them. Only load balancer addresses are guarded: node ports and external IPs are "
        "not.",
    ),
    Explanation(
        "localnet-blocked",
        "a packet to 127.0.0.0/8 came from another source",
        "KUBE-FIREWALL drops packets to loopback addresses that do not come from one and belong to no"
        " known connection. It guards processes that listen on 127.0.0.1 while route_localnet is on "
        "(CVE-2020-8558).",
    ),
    Explanation(
        "invalid-state",
        "conntrack calls the packet INVALID, and KUBE-FORWARD drops those",
        "A packet that fits no known connection and cannot open one, such as a SYN-ACK without its "
        "SYN. nat leaves such packets alone, so they would reach pods untranslated. "
        "conntrack.tcpBeLiberal takes this rule away.",
    ),
    Explanation(
        "firewall-closed",
        "the cloud's firewall dropped the packet before any node saw it",
        "No rule of kube-proxy was asked. On GCE, ingress is closed until a rule opens it, and "
        "nothing opens node ports or the ports of externalIPs by itself. For a NodePort Service open "
        "the node port, for externalIPs the port of the Service.",
        "gcloud compute firewall-rules create echo --allow tcp:30080",
    ),
    Explanation(
        "egress-refuses-source",
        "the cloud does not let this source out",
        "Google's network takes packets towards public addresses only from addresses of virtual "
        "machines. Packets of pods have to be masqueraded by the node first, which is what "
        "ip-masq-agent is for. kube-proxy writes no such rules; an agent's own count where a dump of the "
        "node brings them (--node-facts).",
    ),
    Explanation(
        "nobody-has-this-address",
        "the packet was sent to an address that nobody has",
        "No node, no pod, no load balancer and no route of the edge leads to it. kube-proxy adds "
        "neither addresses nor routes: an externalIP has to be brought to a node by something else.",
    ),
    Explanation(
        "routing-loop",
        "the packet runs in a circle until its time to live is used up",
        "A node that gets a packet for an address which is not its own, and which no rule translates,"
        " sends it to its gateway, which sends it back. The client gets ICMP time exceeded.",
    ),
    Explanation(
        "answer-arrived",
        "the answer reached the client from the address that it had dialled",
        "Every host that translated the packet translated the answer back, by its connection table "
        "and without reading nat rules.",
    ),
    Explanation(
        "reply-from-stranger",
        "the answer came from another address than the one dialled",
        "The answer did not pass the host that had translated the packet, so its source is still that"
        " of the endpoint or of another node. The client's stack knows no such connection and throws "
        "it away: a timeout.",
    ),
    Explanation(
        "reply-lost",
        "the packet arrived, the answer did not",
        "The endpoint answered, and something on the way back stopped it; the reply's own disposition"
        " and reason say what.",
    ),
    Explanation(
        "cloud-nat-first",
        "the cloud rewrites public addresses before the node sees the packet",
        "On GCE (and wherever public addresses are translated one to one) a node never sees its "
        "public address: what arrives on eth0 is addressed to the internal one. kube-proxy's rule for"
        " an externalIP is an exact match on the destination that the node sees, so spec.externalIPs "
        "must hold the node's internal address. A NodePort has no address to get wrong: its rule asks"
        " only whether the destination is local.",
        "spec:\n  externalIPs: [10.128.0.12]      # not 198.51.100.12",
    ),
    Explanation(
        "masqueraded-by-cluster-policy",
        "the pod sees the node's address instead of the client's",
        "Under externalTrafficPolicy: Cluster the first rule of KUBE-EXT marks all outside traffic, "
        "and KUBE-POSTROUTING masquerades what is marked: the chosen pod may be elsewhere, and the "
        "answer has to come back through this node. The mark is set even if the pod is local.",
    ),
    Explanation(
        "KPS701",
        "nobody is called that",
        "A sender is `internet/ADDRESS`, `node/NAME`, `pod/NAMESPACE/NAME`, the address of a pod or "
        "node, or the name of a client in the scenario. Pods are known from EndpointSlices "
        "(targetRef) and from the scenario's own list.",
        "--from internet/203.0.113.7",
    ),
    Explanation(
        "KPS702",
        "this is no destination",
        "A destination is an address and a port, with the protocol behind a slash if it is not tcp. "
        "Names are not resolved: what a packet carries is an address.",
        "--to 198.51.100.12:80        --to 10.48.0.10:53/udp        --to [2001:db8::1]:443",
    ),
    Explanation(
        "KPS703",
        "there is no such node",
        "Facts, rules, routes and `--via` name nodes as the Node objects do (metadata.name).",
    ),
    Explanation(
        "KPS704",
        "the sender has no address of this family",
        "A sender with IPv4 addresses only cannot call an IPv6 address, nor the other way round.",
    ),
    Explanation(
        "KPS705",
        "the packet never reaches this endpoint",
        "`--pick` keeps the branches that end at one endpoint; none does. The endpoints that the "
        "packet may reach are listed.",
    ),
    Explanation(
        "KPS706",
        "no kube-proxy runs on this node",
        "It was stopped, or the node's rules were given and nobody has started one. Only a kube-proxy that "
        "runs can lag or write what it has missed; a start writes everything.",
    ),
    Explanation(
        "KPS707",
        "there is no such pod",
        "Pods are known by NAMESPACE/NAME, from EndpointSlices (targetRef) and from the list of pods. One "
        "that was removed is gone until an endpoint names it anew.",
        "delete: Pod default/echo-1",
    ),
    Explanation(
        "KPS708",
        "more than one thing may happen, and only one can come true",
        "An event changes the world, and so it goes one way: to the endpoint that is picked, by a draw, or, "
        "where the edge has the choice, through the node that is named. Or all ways are followed, each in a "
        "world of its own.",
        'world.open(packet, pick="default/echo-1")      # rng=random.Random(7), or world.futures(...)',
    ),
    Explanation(
        "KPS709",
        "too many ways to follow",
        "A packet goes round in a circle, and in each turn an endpoint is drawn for it anew, so that the "
        "ways it may take double with each turn. That happens where the address and port of an endpoint "
        "are an external IP of a Service as well: every node that the packet comes to translates it "
        "again. With `--seed` one way is drawn, and the circle can be seen.",
    ),
    Explanation(
        "KPS710",
        "this connection cannot be used",
        "Its client has no socket for it: the connection was never made, was closed, or ended with a reset. "
        "Or one of its ends is gone, or it is the server who is to speak, and none was reached.",
    ),
    Explanation(
        "KPS711",
        "the client has no port left",
        "A client has some 28,000 ports (net.ipv4.ip_local_port_range), and a connection to one address and "
        "port takes one of them until it is closed.",
    ),
)
