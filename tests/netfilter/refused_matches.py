"""Matches that both back ends of iptables refuse, with the word of the rule that we point at and what we say of it."""

from kproxysim.netfilter.script import Family

_UPTO = "-m hashlimit --hashlimit-upto"
_BURST = "-m hashlimit --hashlimit-name h --hashlimit-upto 5/s --hashlimit-burst"
_BYTES = "-m hashlimit --hashlimit-name h --hashlimit-upto 1mb/s --hashlimit-burst"
_TABLE = "-m hashlimit --hashlimit-upto 5/s --hashlimit-name"
_NO_ICMP_TYPE = "is no ICMP type: write a name, or a type and perhaps a code from 0 to 255 as 3/4"
_NO_NUMBER = "is no number from 0 to 4294967295"
_NO_ADDRESS = "address (names are not looked up)"
_ONE_BOUND = "-m hashlimit takes exactly one of --hashlimit-upto and --hashlimit-above"
_ONE_LIMIT = "-m connlimit takes exactly one of --connlimit-above and --connlimit-upto"

REFUSED_MATCHES: dict[Family, list[tuple[str, str, str]]] = {
    "ipv4": [
        ("-m addrtype", "addrtype", "-m addrtype needs --src-type or --dst-type"),
        ("-m addrtype --limit-iface-in", "addrtype", "-m addrtype needs --src-type or --dst-type"),
        ("-m addrtype --dst-type NOWHERE", "NOWHERE", "unknown address type 'NOWHERE'"),
        ("-m addrtype --src-type LOCAL,,UNICAST", "LOCAL,,UNICAST", "unknown address type ''"),
        (
            "-m addrtype --dst-type LOCAL --limit-iface-in --limit-iface-out",
            "addrtype",
            "--limit-iface-in and --limit-iface-out exclude each other",
        ),
        ("-m comment", "comment", "-m comment needs --comment"),
        (
            "-m connlimit --connlimit-above 5 --connlimit-upto 3",
            "connlimit",
            _ONE_LIMIT,
        ),
        ("-m connlimit --connlimit-mask 24", "connlimit", _ONE_LIMIT),
        (
            "-m connlimit --connlimit-above 5 --connlimit-saddr --connlimit-daddr",
            "--connlimit-daddr",
            "--connlimit-saddr and --connlimit-daddr exclude each other",
        ),
        ("-m connlimit --connlimit-above x", "x", f"'x' {_NO_NUMBER}"),
        (
            "-m connlimit --connlimit-above 5 --connlimit-mask x",
            "x",
            "'x' is no prefix length from 0 to 32 and no mask",
        ),
        ("-m conntrack", "conntrack", "-m conntrack needs at least one option"),
        ("-m conntrack --ctstate SLEEPING", "SLEEPING", "unknown state 'SLEEPING'"),
        ("-m conntrack --ctstate NEW,", "NEW,", "unknown state ''"),
        ("-m conntrack --ctstatus HUNGRY", "HUNGRY", "unknown status 'HUNGRY'"),
        ("-m conntrack --ctstatus ASSURED,,NONE", "ASSURED,,NONE", "unknown status ''"),
        ("-m conntrack --ctdir UP", "UP", "'UP' is neither ORIGINAL nor REPLY"),
        ("-m conntrack --ctproto nonsense", "nonsense", "unknown protocol 'nonsense'"),
        ("-m conntrack --ctorigsrc nowhere", "nowhere", f"'nowhere' is no IPv4 {_NO_ADDRESS}"),
        ("-m conntrack --ctexpire x:5", "x:5", f"'x' {_NO_NUMBER}"),
        ("-m conntrack --ctexpire 5:x", "5:x", f"'x' {_NO_NUMBER}"),
        ("-m conntrack --ctexpire 4294967296", "4294967296", f"'4294967296' {_NO_NUMBER}"),
        ("-m conntrack --ctreplsrcport x", "x", "'x' is no port from 0 to 65535"),
        (_UPTO + " 5/s", "hashlimit", "-m hashlimit needs --hashlimit-name"),
        (
            '-m hashlimit --hashlimit-name "" --hashlimit-upto 5/s',
            "hashlimit",
            "-m hashlimit needs --hashlimit-name",
        ),
        ("-m hashlimit --hashlimit-name h", "hashlimit", _ONE_BOUND),
        (f"{_UPTO} 5/s --hashlimit-above 5/s --hashlimit-name h", "hashlimit", _ONE_BOUND),
        (f"{_BURST} 0", "0", "burst '0' is not between 1 and 1000000"),
        (f"{_BURST} 08", "08", "burst '08' is not between 1 and 1000000"),
        (f"{_BURST} -3", "-3", "burst '-3' is not between 1 and 1000000"),
        (f"{_BURST} 1000001", "1000001", "burst '1000001' is not between 1 and 1000000"),
        (f"{_BURST} 3mb", "3mb", "burst '3mb' is not between 1 and 1000000"),
        (f"{_BURST} 4294967296k", "4294967296k", f"'4294967296' {_NO_NUMBER}"),
        (f"{_BYTES} x", "x", "burst 'x' is not between 1 and 1000000"),
        (f"{_BYTES} 1048577", "1048577", "burst '1048577' is not between 1 and 1000000"),
        (
            f"{_BYTES} 1023kb",
            "1023kb",
            "burst '1023kb' is smaller than the rate: write 1048576b or more",
        ),
        (
            f"{_UPTO} 0mb/s --hashlimit-name h",
            "0mb/s",
            "'0mb/s' is no rate of 16 bytes per second or more: write it as 512kb/s",
        ),
        (
            f"{_UPTO} xb/s --hashlimit-name h",
            "xb/s",
            "'xb/s' is no rate of 16 bytes per second or more: write it as 512kb/s",
        ),
        (
            f"{_UPTO} 34359738352b/s --hashlimit-name h",
            "34359738352b/s",
            "'34359738352b/s' is too high a rate",
        ),
        (
            f"{_UPTO} 68719476720b/s --hashlimit-name r --hashlimit-rate-match",
            "68719476720b/s",
            "'68719476720b/s' is too high a rate",
        ),
        (
            f"{_UPTO} 1000001/s --hashlimit-name h",
            "1000001/s",
            "'1000001/s' is too fast a rate",
        ),
        (
            f"{_UPTO} 1000001/min --hashlimit-name r --hashlimit-rate-match",
            "1000001/min",
            "'1000001/min' is too fast a rate for --hashlimit-rate-match",
        ),
        (f"{_TABLE} .", ".", "'.' is no name for a file of /proc/net/ipt_hashlimit"),
        (f"{_TABLE} ..", "..", "'..' is no name for a file of /proc/net/ipt_hashlimit"),
        (f"{_TABLE} a/b", "a/b", "'a/b' is no name for a file of /proc/net/ipt_hashlimit"),
        (f"{_TABLE} h --hashlimit-mode srcip,SRCPORT", "srcip,SRCPORT", "unknown mode in 'srcip,SRCPORT'"),
        (f"{_TABLE} h --hashlimit-htable-size x", "x", f"'x' {_NO_NUMBER}"),
        (
            f"{_TABLE} h --hashlimit-htable-gcinterval 0",
            "0",
            "'0' is no number from 1 to 4294967295",
        ),
        (f"{_TABLE} h --hashlimit-htable-expire 0", "0", "'0' is no number from 1 to 4294967295"),
        (f"{_TABLE} h --hashlimit-srcmask 33", "33", "'33' is no prefix length from 0 to 32 and no mask"),
        (
            f"{_TABLE} h --hashlimit-dstmask 255.0.255.0",
            "255.0.255.0",
            "'255.0.255.0' is no mask of a prefix",
        ),
        (f"{_TABLE} h --hashlimit-rate-interval 0", "0", "'0' is no number from 1 to 2147483647"),
        (f"{_TABLE} h --hashlimit-rate-interval 0x5", "0x5", "'0x5' is no number from 1 to 2147483647"),
        (
            f"{_TABLE} h --hashlimit-rate-interval 2147483648",
            "2147483648",
            "'2147483648' is no number from 1 to 2147483647",
        ),
        ("-m helper", "helper", "-m helper needs --helper"),
        ("-p icmp -m icmp", "icmp", "-m icmp needs --icmp-type"),
        ("-p icmp -m icmp --icmp-type re", "re", "ICMP type 're' may be redirect or required-option-missing"),
        ("-p icmp -m icmp --icmp-type nonsense", "nonsense", f"'nonsense' {_NO_ICMP_TYPE}"),
        ("-p icmp -m icmp --icmp-type 256", "256", f"'256' {_NO_ICMP_TYPE}"),
        ("-p icmp -m icmp --icmp-type 3/256", "3/256", f"'3/256' {_NO_ICMP_TYPE}"),
        ("-p icmp -m icmp --icmp-type 3/0:256", "3/0:256", f"'3/0:256' {_NO_ICMP_TYPE}"),
        ("-p icmp -m icmp --icmp-type 3/", "3/", f"'3/' {_NO_ICMP_TYPE}"),
        ("-m iprange", "iprange", "-m iprange needs --src-range or --dst-range"),
        ("-m iprange --src-range 10.0.0.1-x", "10.0.0.1-x", f"'x' is no IPv4 {_NO_ADDRESS}"),
        ("-m iprange --dst-range -10.0.0.1", "-10.0.0.1", f"'' is no IPv4 {_NO_ADDRESS}"),
        ("-m limit --limit-burst 10001", "10001", "'10001' is no number from 0 to 10000"),
        ("-m mac", "mac", "-m mac needs --mac-source"),
        ("-m mac --mac-source 00:11:22:33:44", "00:11:22:33:44", "'00:11:22:33:44' is no MAC address"),
        (
            "-m mac --mac-source 00:11:22:33:44:5G",
            "00:11:22:33:44:5G",
            "'00:11:22:33:44:5G' is no MAC address",
        ),
        ("-m physdev", "physdev", "-m physdev needs at least one option"),
        (
            "-m physdev --physdev-in a-name-of-sixteen",
            "a-name-of-sixteen",
            "device name 'a-name-of-sixteen' is longer than 15 characters",
        ),
        ("-m pkttype", "pkttype", "-m pkttype needs --pkt-type"),
        ("-m pkttype --pkt-type Carrier", "Carrier", "unknown packet type 'Carrier'"),
        ("-m quota", "quota", "-m quota needs --quota"),
        (
            "-m quota --quota 18446744073709551616",
            "18446744073709551616",
            "'18446744073709551616' is no number from 0 to 18446744073709551615",
        ),
        ("-m state", "state", "-m state needs --state"),
        ("-m state --state SNAT", "SNAT", "unknown state 'SNAT'"),
    ],
    "ipv6": [
        ("-p icmpv6 -m icmp6", "icmp6", "-m icmp6 needs --icmpv6-type"),
        ("-p icmpv6 -m icmp6 --icmpv6-type any", "any", f"'any' {_NO_ICMP_TYPE}"),
        *(
            (f"-m addrtype --src-type {one}", one, f"there is no such address type in IPv6: {one}")
            for one in ("BROADCAST", "BLACKHOLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE")
        ),
        (f"{_TABLE} h --hashlimit-srcmask 129", "129", "'129' is no prefix length from 0 to 128 and no mask"),
        ("-m rt --rt-0-res --rt-type 0", "--rt-0-res", "--rt-type 0 is required before --rt-0-res"),
        ("-m rt --rt-type 1 --rt-0-res", "--rt-0-res", "--rt-type 0 is required before --rt-0-res"),
        ("-m rt ! --rt-type 0 --rt-0-res", "--rt-0-res", "--rt-type 0 is required before --rt-0-res"),
        (
            "-m rt --rt-type 0 --rt-0-not-strict --rt-0-addrs fd00::1",
            "--rt-0-not-strict",
            "--rt-0-addrs is required before --rt-0-not-strict",
        ),
        (
            f"-m rt --rt-type 0 --rt-0-addrs {','.join(['::1'] * 17)}",
            ",".join(["::1"] * 17),
            "17 addresses are more than 16",
        ),
        (
            "-m rt --rt-type 0 --rt-0-addrs fd00::1,10.0.0.1",
            "fd00::1,10.0.0.1",
            f"'10.0.0.1' is no IPv6 {_NO_ADDRESS}",
        ),
        ("-m rt --rt-type 1:2", "1:2", f"'1:2' {_NO_NUMBER}"),
        ("-m rt --rt-len 1:2", "1:2", f"'1:2' {_NO_NUMBER}"),
        ("-m rt --rt-segsleft 4294967296", "4294967296", f"'4294967296' {_NO_NUMBER}"),
        ("-m rt --rt-segsleft x:5", "x:5", f"'x' {_NO_NUMBER}"),
        ("-m rt --rt-segsleft 5:x", "5:x", f"'x' {_NO_NUMBER}"),
        ("-m rt --rt-segsleft 5:6:7", "5:6:7", f"'6:7' {_NO_NUMBER}"),
    ],
}
"""By family: the rule, the word, the message."""
