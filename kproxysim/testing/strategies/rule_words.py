"""What drawn rules are made of: for each extension of iptables words that it takes, by family.

Addresses are those of drawn clusters, marks and ports such as packets there have: rules match now and then.
"""

from __future__ import annotations

from typing import TypeAlias

from kproxysim.netfilter.script import Family

__all__ = ["MATCHES", "TARGETS"]

_Words: TypeAlias = dict[Family, tuple[str, ...]]


def _both(*words: str) -> _Words:
    return {"ipv4": words, "ipv6": words}


MATCHES: dict[str, _Words] = {
    "tcp": _both(
        "-p tcp",
        "-p tcp -m tcp --dport 80",
        "-p tcp -m tcp ! --dport 8080",
        "-p tcp -m tcp --sport 1024:65535",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
    ),
    "udp": _both("-p udp", "-p udp -m udp --dport 53", "-p udp -m udp ! --sport 53"),
    "sctp": _both("-p sctp -m sctp --dport 80", "! -p sctp"),
    "icmp": {"ipv4": ("-p icmp -m icmp --icmp-type 8", "-p icmp -m icmp ! --icmp-type 3/3")},
    "icmp6": {
        "ipv6": ("-p ipv6-icmp -m icmp6 --icmpv6-type 128", "-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4")
    },
    "multiport": _both("-p tcp -m multiport --dports 80,8080,30000:30099", "-p udp -m multiport --ports 53"),
    "addrtype": _both("-m addrtype --dst-type LOCAL", "-m addrtype ! --src-type LOCAL"),
    "comment": _both('-m comment --comment "two words"'),
    "conntrack": _both(
        "-m conntrack --ctstate NEW",
        "-m conntrack --ctstate RELATED,ESTABLISHED",
        "-m conntrack --ctstate INVALID",
        "-m conntrack --ctstate DNAT",
        "-m conntrack ! --ctstatus SEEN_REPLY",
    ),
    "state": _both("-m state --state NEW", "-m state ! --state ESTABLISHED"),
    "mark": _both("-m mark --mark 0x1/0x1", "-m mark ! --mark 0x0", "-m mark --mark 0x4000/0x4000"),
    "connmark": _both("-m connmark --mark 0x1/0x1", "-m connmark ! --mark 0x0"),
    "iprange": {
        "ipv4": (
            "-m iprange --src-range 10.44.0.0-10.44.0.20",
            "-m iprange ! --dst-range 10.44.0.6-10.44.1.9",
        ),
        "ipv6": ("-m iprange --src-range fd00:44::-fd00:44::20",),
    },
    "limit": _both("-m limit --limit 5/sec --limit-burst 7"),
    "hashlimit": _both("-m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip --hashlimit-name drawn"),
    "statistic": _both(
        "-m statistic --mode random --probability 0.50000000000",
        "-m statistic --mode random ! --probability 0.25000000000",
        "-m statistic --mode nth --every 3 --packet 0",
    ),
    "recent": _both(
        "-m recent --set --name DRAWN",
        "-m recent --rcheck --seconds 60 --name DRAWN",
        "-m recent ! --rcheck --name DRAWN",
    ),
    "owner": _both("-m owner --uid-owner 1000", "-m owner ! --gid-owner 0"),
    "pkttype": _both("-m pkttype --pkt-type unicast", "-m pkttype --pkt-type multicast"),
    "mac": _both("-m mac --mac-source 02:42:ac:11:00:02"),
    "physdev": _both("-m physdev --physdev-is-bridged", "-m physdev ! --physdev-is-in"),
    "nfacct": _both("-m nfacct --nfacct-name drawn"),
    "rpfilter": _both("-m rpfilter", "-m rpfilter --loose --invert"),
    "set": _both("-m set --match-set drawn dst", "-m set ! --match-set drawn src"),
    "socket": _both("-m socket --transparent"),
    "helper": _both("-m helper --helper ftp"),
    "rt": {"ipv6": ("-m rt --rt-type 0",)},
    "ttl": {"ipv4": ("-m ttl --ttl-eq 63", "-m ttl ! --ttl-eq 64", "-m ttl --ttl-lt 64")},
    "hl": {"ipv6": ("-m hl --hl-eq 63", "-m hl --hl-gt 63")},
    "policy": _both("-m policy --dir in --pol none", "-m policy --dir out --pol ipsec"),
    "connlimit": _both("-m connlimit --connlimit-upto 3", "-m connlimit --connlimit-above 3"),
    "quota": _both("-m quota --quota 1000"),
}

TARGETS: dict[str, _Words] = {
    "ACCEPT": _both("-j ACCEPT"),
    "RETURN": _both("-j RETURN"),
    "DROP": _both("-j DROP"),
    "REJECT": {
        "ipv4": ("-j REJECT --reject-with icmp-port-unreachable", "-p tcp -j REJECT --reject-with tcp-reset"),
        "ipv6": (
            "-j REJECT --reject-with icmp6-port-unreachable",
            "-p tcp -j REJECT --reject-with tcp-reset",
        ),
    },
    "MARK": _both(
        "-j MARK --set-xmark 0x1/0x1",
        "-j MARK --set-xmark 0x0/0xffffffff",
        "-j MARK --set-xmark 0x4000/0x4000",
    ),
    "CONNMARK": _both(
        "-j CONNMARK --save-mark", "-j CONNMARK --restore-mark", "-j CONNMARK --set-xmark 0x1/0x1"
    ),
    "DNAT": {
        "ipv4": ("-p tcp -j DNAT --to-destination 10.44.0.5:8080", "-j DNAT --to-destination 10.44.0.6"),
        "ipv6": ("-p tcp -j DNAT --to-destination [fd00:44::5]:8080", "-j DNAT --to-destination fd00:44::6"),
    },
    "SNAT": {
        "ipv4": ("-j SNAT --to-source 10.128.0.12",),
        "ipv6": ("-j SNAT --to-source fd00:128::12",),
    },
    "MASQUERADE": _both("-j MASQUERADE", "-j MASQUERADE --random-fully"),
    "REDIRECT": _both("-p tcp -j REDIRECT --to-ports 10250", "-j REDIRECT"),
    "NETMAP": {"ipv4": ("-j NETMAP --to 10.44.1.0/24",), "ipv6": ("-j NETMAP --to fd00:44:0:1::/64",)},
    "CT": _both("-j CT --notrack"),
    "NOTRACK": _both("-j NOTRACK"),
    "TPROXY": {
        "ipv4": ("-p tcp -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0",),
        "ipv6": ("-p tcp -j TPROXY --on-port 15001 --on-ip :: --tproxy-mark 0x0/0x0",),
    },
    "TCPMSS": _both("-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"),
    "CHECKSUM": _both("-p udp -j CHECKSUM --checksum-fill"),
    "LOG": _both('-j LOG --log-prefix "drawn: "'),
    "NFLOG": _both("-j NFLOG --nflog-group 1"),
    "TRACE": _both("-j TRACE"),
    "TTL": {"ipv4": ("-j TTL --ttl-set 1", "-j TTL --ttl-dec 3")},
    "HL": {"ipv6": ("-j HL --hl-set 1", "-j HL --hl-inc 3")},
    "DSCP": _both("-j DSCP --set-dscp 0x0a"),
    "TOS": _both("-j TOS --set-tos 0x10"),
    "CLASSIFY": _both("-j CLASSIFY --set-class 1:20"),
    "AUDIT": _both("-j AUDIT --type accept"),
}
