"""Matches as they may be written, with what iptables-save makes of them: numbers in other bases, units, lists and ranges
in other orders, what goes without saying. One of `rule_tables`, for whose sources see there.
"""

from kproxysim.netfilter.script import Family

_UPTO = "-m hashlimit --hashlimit-upto"
_BURST = "--hashlimit-burst"
_NAME = "--hashlimit-name h"
_MATCHED = "--hashlimit-name r"  # kernels may not let a table be shared with rates that are not matched

SAVED_MATCHES: dict[Family, list[str | tuple[str, ...]]] = {
    "ipv4": [
        # rates of packets: an entry expires after the unit that was written, and that is printed if another one is
        (f"{_UPTO} 7 {_NAME}", f"{_UPTO} 7/sec {_BURST} 5 {_NAME}"),
        (f"{_UPTO} 010/s {_NAME}", f"{_UPTO} 10/sec {_BURST} 5 {_NAME}"),
        (f"{_UPTO} 12x/m {_NAME}", f"{_UPTO} 12/min {_BURST} 5 {_NAME}"),
        (f"{_UPTO} 5/day {_NAME}", f"{_UPTO} 5/day {_BURST} 5 {_NAME}"),
        (f"{_UPTO} 5/hour {_NAME} --hashlimit-htable-expire 3600000", f"{_UPTO} 5/hour {_BURST} 5 {_NAME}"),
        (f"{_UPTO} 120/min {_NAME}", f"{_UPTO} 2/sec {_BURST} 5 {_NAME} --hashlimit-htable-expire 60000"),
        (f"{_UPTO} 60/hour {_NAME}", f"{_UPTO} 1/min {_BURST} 5 {_NAME} --hashlimit-htable-expire 3600000"),
        (f"{_UPTO} 24/day {_NAME}", f"{_UPTO} 1/hour {_BURST} 5 {_NAME} --hashlimit-htable-expire 86400000"),
        f"{_UPTO} 1000000/sec {_BURST} 1 {_NAME}",
        f"{_UPTO} 5/sec {_BURST} 1000000 {_NAME}",
        (f"{_UPTO} 5/sec {_BURST} 0x10 {_NAME}", f"{_UPTO} 5/sec {_BURST} 16 {_NAME}"),
        (f"{_UPTO} 5/sec {_BURST} 010 {_NAME}", f"{_UPTO} 5/sec {_BURST} 8 {_NAME}"),
        (f"{_UPTO} 5/sec {_BURST} 3k {_NAME}", f"{_UPTO} 5/sec {_BURST} 3072 {_NAME}"),
        (f"{_UPTO} 5/sec {_BURST} 3x {_NAME}", f"{_UPTO} 5/sec {_BURST} 3 {_NAME}"),
        # rates of bytes: kept as what a packet costs, in steps of 16 that grow
        f"{_UPTO} 16b/s {_NAME}",
        (f"{_UPTO} +1000b/s {_NAME}", f"{_UPTO} 992b/s {_NAME}"),
        f"{_UPTO} 1000kb/s {_NAME}",
        (f"{_UPTO} 1024kb/second {_NAME}", f"{_UPTO} 1mb/s {_NAME}"),
        f"{_UPTO} 17179869152b/s {_NAME}",
        (f"{_UPTO} 34359738351b/s {_NAME}", f"{_UPTO} 34359738336b/s {_NAME}"),
        (
            f"{_UPTO} 68719476719b/s {_MATCHED} --hashlimit-rate-match",
            f"{_UPTO} 68719476704b/s {_MATCHED} --hashlimit-rate-match",
        ),
        f"{_UPTO} 1mb/s {_BURST} 1mb {_NAME}",
        (f"{_UPTO} 16b/s {_BURST} 16 {_NAME}", f"{_UPTO} 16b/s {_BURST} 16b {_NAME}"),
        (f"{_UPTO} 16b/s {_BURST} 17 {_NAME}", f"{_UPTO} 16b/s {_BURST} 32b {_NAME}"),
        (f"{_UPTO} 16b/s {_BURST} 1024 {_NAME}", f"{_UPTO} 16b/s {_BURST} 1kb {_NAME}"),
        (f"{_UPTO} 512kb/s {_BURST} 600kb {_NAME}", f"{_UPTO} 512kb/s {_BURST} 1mb {_NAME}"),
        (f"{_UPTO} 1kb/s {_BURST} 2000000x {_NAME}", f"{_UPTO} 1kb/s {_BURST} 1mb {_NAME}"),
        f"{_UPTO} 1kb/s {_BURST} 4095mb {_NAME}",
        (f"{_UPTO} 512kb/s {_NAME} --hashlimit-htable-expire 15000", f"{_UPTO} 512kb/s {_NAME}"),
        f"{_UPTO} 512kb/s {_NAME} --hashlimit-htable-expire 60000",
        (
            f"{_UPTO} 512kb/s {_BURST} 1mb {_NAME} --hashlimit-htable-expire 60000",
            f"{_UPTO} 512kb/s {_BURST} 1mb {_NAME}",
        ),
        f"{_UPTO} 512kb/s {_BURST} 1mb {_NAME} --hashlimit-htable-expire 15000",
        # tables
        (
            f"{_UPTO} 5/sec {_NAME} --hashlimit-mode dstport,srcip|dstip,,srcport",
            f"{_UPTO} 5/sec {_BURST} 5 --hashlimit-mode srcip,srcport,dstip,dstport {_NAME}",
        ),
        (f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-mode ,", f"{_UPTO} 5/sec {_BURST} 5 {_NAME}"),
        (
            f"{_UPTO} 5/sec {_NAME} --hashlimit-htable-size 0 --hashlimit-htable-max 0 --hashlimit-htable-gcinterval 1000",
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME}",
        ),
        (
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-htable-size 1 --hashlimit-htable-max 1 "
            "--hashlimit-htable-gcinterval 1 --hashlimit-htable-expire 1"
        ),
        f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-htable-gcinterval 1001 --hashlimit-htable-expire 1001",
        (
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-dstmask 255.128.0.0 --hashlimit-srcmask 0",
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-srcmask 0 --hashlimit-dstmask 9",
        ),
        (
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-srcmask 32 --hashlimit-dstmask 32",
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME}",
        ),
        (
            f"{_UPTO} 5/sec --hashlimit-name {'n' * 260}",
            f"{_UPTO} 5/sec {_BURST} 5 --hashlimit-name {'n' * 254}",
        ),
        # rates that are matched themselves: what is printed is the rate per second
        f"{_UPTO} 5/sec {_BURST} 5 {_MATCHED} --hashlimit-rate-match",
        f"{_UPTO} 5/sec {_BURST} 5 {_MATCHED} --hashlimit-rate-match --hashlimit-rate-interval 2",
        f"{_UPTO} 5/sec {_BURST} 5 {_MATCHED} --hashlimit-rate-match --hashlimit-rate-interval 2147483647",
        (
            f"{_UPTO} 5/min {_MATCHED} --hashlimit-rate-match",
            (
                f"{_UPTO} 5/sec {_BURST} 5 {_MATCHED} --hashlimit-htable-expire 60000 --hashlimit-rate-match "
                "--hashlimit-rate-interval 60"
            ),
        ),
        (
            f"{_UPTO} 1000000/min {_MATCHED} --hashlimit-rate-match --hashlimit-rate-interval 01",
            f"{_UPTO} 1000000/sec {_BURST} 5 {_MATCHED} --hashlimit-htable-expire 60000 --hashlimit-rate-match",
        ),
        (f"{_UPTO} 5/day {_NAME} --hashlimit-rate-interval 1", f"{_UPTO} 5/day {_BURST} 5 {_NAME}"),
        f"{_UPTO} 512kb/s {_MATCHED} --hashlimit-rate-match",
        f"{_UPTO} 512kb/s {_BURST} 1mb {_MATCHED} --hashlimit-rate-match",
        f"{_UPTO} 512kb/s {_MATCHED} --hashlimit-rate-match --hashlimit-rate-interval 3",
        # other bounds
        ("-m limit --limit-burst 5", "-m limit --limit 3/hour"),
        "-m limit --limit 5/sec --limit-burst 1",
        "-m limit --limit 5/sec --limit-burst 10000",
        (
            "-m connlimit --connlimit-above 5 --connlimit-mask 0",
            "-m connlimit --connlimit-above 5 --connlimit-mask 0 --connlimit-saddr",
        ),
        (
            "-m connlimit --connlimit-above 5 --connlimit-mask 255.255.0.0 --connlimit-daddr",
            "-m connlimit --connlimit-above 5 --connlimit-mask 16 --connlimit-daddr",
        ),
        "-m quota --quota 0",
        # types and codes: of a range of codes the first is printed
        ("-p icmp -m icmp --icmp-type 255/3", "-p icmp -m icmp --icmp-type any"),
        ("-p icmp -m icmp --icmp-type 010/0x1", "-p icmp -m icmp --icmp-type 8/1"),
        ("-p icmp -m icmp --icmp-type 3/1:3", "-p icmp -m icmp --icmp-type 3/1"),
        ("-p icmp -m icmp --icmp-type 3/0:0", "-p icmp -m icmp --icmp-type 3/0"),
        ("-p icmp -m icmp --icmp-type 3/0:255", "-p icmp -m icmp --icmp-type 3"),
        "-p icmp -m icmp --icmp-type 3/255",
        "-p icmp -m icmp --icmp-type 0/0",
        # frames and bridges
        ("-m mac --mac-source :1:2:3:4:5", "-m mac --mac-source 00:01:02:03:04:05"),
        (
            "-m physdev --physdev-is-bridged --physdev-out eth1 ! --physdev-is-out --physdev-in eth+ --physdev-is-in",
            "-m physdev --physdev-is-in --physdev-in eth+ ! --physdev-is-out --physdev-out eth1 --physdev-is-bridged",
        ),
        ("-m pkttype --pkt-type MCAST", "-m pkttype --pkt-type multicast"),
        ("-m pkttype --pkt-type bcast", "-m pkttype --pkt-type broadcast"),
        "-m pkttype --pkt-type otherhost",
        # types of addresses: each may be cut short
        (
            "-m addrtype ! --dst-type x,n,t,p,bl,b,unr ! --src-type m,a,l,uni,u --limit-iface-in",
            (
                "-m addrtype ! --src-type UNSPEC,UNICAST,LOCAL,ANYCAST,MULTICAST "
                "! --dst-type BROADCAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE --limit-iface-in"
            ),
        ),
        # connections
        (
            "-m conntrack --ctstate snat,d,u,r,e,n,i",
            "-m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT",
        ),
        ("-m state ! --state untracked,rel", "-m state ! --state RELATED,UNTRACKED"),
        ("-m conntrack --ctproto all", "-m conntrack --ctproto 0"),
        ("-m conntrack --ctproto SCTP", "-m conntrack --ctproto 132"),
        "-m conntrack --ctproto 255",
        ("-m conntrack --ctstatus none,a,s", "-m conntrack --ctstatus SEEN_REPLY,ASSURED"),
        ("-m conntrack --ctexpire 5:", "-m conntrack --ctexpire 5:4294967295"),
        ("-m conntrack --ctexpire :5", "-m conntrack --ctexpire 0:5"),
        ("-m conntrack ! --ctexpire 5:5", "-m conntrack ! --ctexpire 5"),
        (
            "-m conntrack --ctorigsrcport : --ctorigdstport http:65535",
            "-m conntrack --ctorigsrcport 0:65535 --ctorigdstport 80:65535",
        ),
        "-m conntrack --ctorigsrc 0.0.0.0/0 --ctrepldst 10.0.0.1",
    ],
    "ipv6": [
        (
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-srcmask 128 --hashlimit-dstmask ffff:8000::",
            f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-dstmask 17",
        ),
        f"{_UPTO} 5/sec {_BURST} 5 {_NAME} --hashlimit-srcmask 32",
        (
            "-m connlimit --connlimit-above 5 --connlimit-mask ffff::",
            "-m connlimit --connlimit-above 5 --connlimit-mask 16 --connlimit-saddr",
        ),
        ("-p icmpv6 -m icmp6 --icmpv6-type echo-request", "-p ipv6-icmp -m icmp6 --icmpv6-type 128"),
        "-p ipv6-icmp -m icmp6 ! --icmpv6-type 255",
        "-p ipv6-icmp -m icmp6 --icmpv6-type 1/3",
        "-m addrtype --src-type UNSPEC,UNICAST,LOCAL,ANYCAST,MULTICAST,UNREACHABLE",
        "-m conntrack --ctorigsrc fd00::/64 ! --ctorigdst ::ffff:1.2.3.4",
        # routing headers
        "-m rt",
        (
            "-m rt --rt-segsleft 3:3 ! --rt-len 8 --rt-type 0x10",
            "-m rt --rt-type 16 --rt-segsleft 3 ! --rt-len 8",
        ),
        ("-m rt ! --rt-segsleft :5", "-m rt ! --rt-segsleft 0:5"),
        ("-m rt --rt-segsleft 5:", "-m rt --rt-segsleft 5:4294967295"),
        "-m rt --rt-segsleft 5:3",
        (
            "-m rt --rt-type 0 --rt-0-addrs fd00::1,::ffff:1.2.3.4 --rt-0-not-strict --rt-0-res",
            "-m rt --rt-type 0 --rt-0-res --rt-0-addrs fd00::1,::ffff:1.2.3.4 --rt-0-not-strict",
        ),
        f"-m rt --rt-type 0 --rt-0-addrs {','.join(f'fd00::{n}' for n in range(1, 17))}",
    ],
}
