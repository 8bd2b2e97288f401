"""What is said of options that a match or a target does not take, and the word that is pointed at.

`test_real_iptables` holds each line against iptables itself, but for those of sets and counters, which it would have to
have first.
"""

import pytest

from kproxysim.errors import InputError
from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.syntax import parse_rule

__all__ = ["MATCHES", "STRICTER", "TARGETS"]

# fmt: off
MATCHES = [
    # a table and a rule in it, the message, and the word that it points at
    ("filter INPUT -p tcp -m tcp --tcp-flags SYN,FOO SYN", "unknown TCP flag in 'SYN,FOO': there are FIN, SYN, RST, PSH, ACK, URG, ALL and NONE", "SYN,FOO"),
    ("filter INPUT -p tcp -m tcp --tcp-flags SYN -j ACCEPT", "unknown option 'ACCEPT'", "ACCEPT"),
    ("filter INPUT -p tcp -m tcp --tcp-flags SYN !", "--tcp-flags takes two lists of flags", "!"),
    ("filter INPUT -p tcp -m tcp --tcp-flags SYN -x", "--tcp-flags takes two lists of flags", "-x"),
    ("filter INPUT -p tcp -m tcp --syn --tcp-flags SYN SYN", "--syn and --tcp-flags exclude each other", "--syn"),
    ("filter INPUT -p tcp -m tcp --tcp-option 0", "'0' is no number from 1 to 255", "0"),
    ("filter INPUT -p tcp -m tcp --tcp-option 256", "'256' is no number from 1 to 255", "256"),
    ("filter INPUT -p tcp -m tcp --dport 90:80", "port range '90:80' runs backwards", "90:80"),
    ("filter INPUT -p tcp -m tcp --dport 80:nonsense", "'nonsense' is no port from 0 to 65535", "nonsense"),
    ('filter INPUT -p tcp -m tcp --dport ""', "'' is no port from 0 to 65535", "tcp"),
    ("filter INPUT -p sctp -m sctp --chunk-types few INIT", "'few' is none of all, any, only", "few"),
    ("filter INPUT -p sctp -m sctp --chunk-types any INIT,NOPE", "unknown SCTP chunk 'NOPE'", "INIT,NOPE"),
    ("filter INPUT -p sctp -m sctp --chunk-types any DATA:bT", "SCTP chunk DATA has no such flag in 'bT'", "DATA:bT"),
    ("filter INPUT -p sctp -m sctp --chunk-types any INIT:x", "SCTP chunk INIT has no such flag in 'x'", "INIT:x"),
    ("filter INPUT -p tcp -m multiport", "-m multiport takes exactly one of --sports, --dports, --ports", "multiport"),
    ("filter INPUT -p tcp -m multiport --dports 1 --sports 2", "-m multiport takes exactly one of --sports, --dports, --ports", "multiport"),
    ("filter INPUT -p tcp -m multiport --dports 80:70", "port range '80:70' does not run upwards", "80:70"),
    ("filter INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "more than 15 ports (a range counts as two)", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"),
    ("filter INPUT -m mark", "-m mark takes exactly one --mark", "mark"),
    ("filter INPUT -m connmark", "-m connmark takes exactly one --mark", "connmark"),
    ("filter INPUT -m mark --mark 1/2/3", "'2/3' is no number from 0 to 4294967295", "1/2/3"),
    ("filter INPUT -m nfacct", "-m nfacct needs --nfacct-name with the name of a counter", "nfacct"),
    ('filter INPUT -m nfacct --nfacct-name ""', "-m nfacct needs --nfacct-name with the name of a counter", "nfacct"),
    ("filter OUTPUT -m owner", "-m owner needs --uid-owner, --gid-owner or --socket-exists", "owner"),
    ("filter OUTPUT -m owner --uid-owner r2d2", "'r2d2' is no number (accounts are not looked up)", "r2d2"),
    ("filter OUTPUT -m owner --gid-owner _apt", "'_apt' is no number (accounts are not looked up)", "_apt"),
    ("filter OUTPUT -m owner --uid-owner 4294967295", "'4294967295' is no number from 0 to 4294967294", "4294967295"),
    ("filter OUTPUT -m owner --uid-owner 4294967294-4294967295", "'4294967295' is no number from 0 to 4294967294", "4294967294-4294967295"),
    ("filter OUTPUT -m owner --uid-owner 4294967295-5", "'4294967295' is no number from 0 to 4294967294", "4294967295-5"),
    ("filter OUTPUT -m owner --uid-owner 0-x", "'x' is no number from 0 to 4294967294", "0-x"),
    ("filter OUTPUT -m owner --uid-owner x-0", "'x-0' is no number (accounts are not looked up)", "x-0"),
    ("filter OUTPUT -m owner --uid-owner 5-0", "range '5-0' runs backwards", "5-0"),
    ("filter OUTPUT -m owner --suppl-groups --gid-owner 0", "--suppl-groups needs --gid-owner before it", "--suppl-groups"),
    ("filter INPUT -m policy", "-m policy needs --dir in or --dir out", "policy"),
    ("filter INPUT -m policy --dir both", "--dir both is neither in nor out", "both"),
    ("filter INPUT -m policy --dir in --pol maybe", "--pol maybe is neither none nor ipsec", "maybe"),
    ("filter INPUT -m policy --dir in --pol none --strict --reqid 1", "--strict is for --pol ipsec", "--strict"),
    ("filter INPUT -m policy --dir in --reqid 1 --reqid 2", "--reqid stands twice", "--reqid"),
    ("filter INPUT -m policy --dir in --reqid 1 --next --reqid 2", "--next needs --strict", "--next"),
    ("filter INPUT -m policy --dir in --strict --spi 1 --next --spi 2 --next --spi 3 --next --spi 4 --next --spi 5", "a policy has 4 elements at most", "--next"),
    ("filter INPUT -m policy --dir in --strict --reqid 1 --next", "--strict wants something of each element", "--strict"),
    ("filter INPUT -m policy --dir in --tunnel-src 1.2.3.4", "--tunnel-src is for --mode tunnel only", "--tunnel-src"),
    ("filter INPUT -m policy --dir in ! --mode tunnel --tunnel-dst 1.2.3.4", "--tunnel-dst is for --mode tunnel only", "--tunnel-dst"),
    ("filter INPUT -m policy --dir in --proto tcp", "--proto tcp is neither ah nor esp nor ipcomp", "tcp"),
    ("filter INPUT -m policy --dir in --mode nothing", "--mode nothing is neither transport nor tunnel", "nothing"),
    ("filter INPUT -m limit --limit 5/7/s", "'5/7/s' is no rate: write packets/second, /minute, /hour or /day", "5/7/s"),
    ("filter INPUT -m limit --limit x/s", "'x/s' is no rate: it begins with a number above 0", "x/s"),
    ("filter INPUT -m limit --limit 4294967296/s", "'4294967296/s' is too fast a rate", "4294967296/s"),
    ("filter INPUT -m limit --limit 10001/s", "'10001/s' is too fast a rate", "10001/s"),
    ("filter INPUT -m recent", "-m recent takes exactly one of --set, --rcheck, --update, --remove", "recent"),
    ("filter INPUT -m recent --set --rcheck", "-m recent takes exactly one of --set, --rcheck, --update, --remove", "recent"),
    ("filter INPUT -m recent --rcheck --reap", "--reap needs --seconds", "--reap"),
    ("filter INPUT -m recent --rcheck --seconds 0", "'0' is no number from 1 to 4294967295", "0"),
    ("filter INPUT -m recent --rcheck --hitcount 65536", "'65536' is no number from 0 to 65535", "65536"),
    ("filter INPUT -m recent --set --seconds 4", "--set takes no --seconds, --hitcount, --reap or --rttl", "--set"),
    ("filter INPUT -m recent --remove --hitcount 4", "--remove takes no --seconds, --hitcount, --reap or --rttl", "--remove"),
    ("filter INPUT -m recent --remove --rttl", "--remove takes no --seconds, --hitcount, --reap or --rttl", "--remove"),
    ("filter INPUT -m recent --set --reap --seconds 4", "--set takes no --seconds, --hitcount, --reap or --rttl", "--set"),
    ('filter INPUT -m recent --rcheck --name ""', "'' is no name of a list: they have 1 to 199 characters", "recent"),
    ("filter INPUT -m recent --rcheck --name a/b", "'a/b' is no name of a list: it is a file's in /proc, without a blank", "a/b"),
    ("filter INPUT -m recent --rcheck --name .", "'.' is no name of a list: it is a file's in /proc, without a blank", "."),
    ("filter INPUT -m recent --rcheck --name ..", "'..' is no name of a list: it is a file's in /proc, without a blank", ".."),
    ("filter INPUT -m set", "-m set needs --match-set", "set"),
    ('filter INPUT -m set --match-set "" src', "'' is no name of a set: they have 1 to 31 characters", "set"),
    ("filter INPUT -m set --match-set a-name-of-more-than-31-characters src", "'a-name-of-more-than-31-characters' is no name of a set: they have 1 to 31 characters", "a-name-of-more-than-31-characters"),
    ("filter INPUT -m set --match-set hosts from", "'from' is no list of up to 6 of src and dst", "from"),
    ("filter INPUT -m set --match-set hosts src,src,src,src,src,src,src", "'src,src,src,src,src,src,src' is no list of up to 6 of src and dst", "src,src,src,src,src,src,src"),
    ("filter INPUT -m set --match-set hosts src --bytes-gt 1 --bytes-lt 9", "only one of --bytes-eq, --bytes-lt, --bytes-gt", "--bytes-gt"),
    ("filter INPUT -m set --match-set hosts src --packets-eq 1 --packets-lt 9", "only one of --packets-eq, --packets-lt, --packets-gt", "--packets-lt"),
    ("filter INPUT -m set --match-set hosts src --packets-eq 18446744073709551616", "'18446744073709551616' is no number from 0 to 18446744073709551615", "18446744073709551616"),
    ("filter INPUT -m statistic --probability 0.5", "-m statistic needs --mode random or --mode nth", "statistic"),
    ("filter INPUT -m statistic --mode chance --probability .5", "mode 'chance' is neither random nor nth", "chance"),
    ("filter INPUT -m statistic --mode random", "--mode random takes exactly one --probability", "random"),
    ("filter INPUT -m statistic --mode nth --every 3", "--mode nth takes --every and --packet", "nth"),
    ("filter INPUT -m statistic --mode nth --every 0 --packet 0", "'0' is no number from 1 to 4294967295", "0"),
    ("filter INPUT -m statistic --mode nth --every 3 --packet 3", "'3' is no number from 0 to 2", "3"),
    ("filter INPUT -m statistic --mode random --probability 1.5", "'1.5' is no probability: a number from 0 to 1", "1.5"),
    ("filter INPUT -m statistic --mode random --probability -0.5", "'-0.5' is no probability: a number from 0 to 1", "-0.5"),
    ("filter INPUT -m ttl", "-m ttl takes exactly one of --ttl-eq, --ttl-lt and --ttl-gt", "ttl"),
    ("filter INPUT -m ttl --ttl-gt 256", "'256' is no number from 0 to 255", "256"),
]

TARGETS = [
    ("mangle FORWARD -j TTL", "-j TTL takes exactly one of --ttl-set, --ttl-dec, --ttl-inc", "TTL"),
    ("mangle FORWARD -j TTL --ttl-set 256", "'256' is no number from 0 to 255", "256"),
    ("mangle FORWARD -j TTL --ttl-dec 0", "'0' is no number from 1 to 255", "0"),
    ("mangle FORWARD -j DSCP", "-j DSCP takes exactly one of --set-dscp and --set-dscp-class", "DSCP"),
    ("mangle FORWARD -j DSCP --set-dscp 64", "'64' is no number from 0 to 63", "64"),
    ("mangle FORWARD -j DSCP --set-dscp-class nope", "'nope' is no class of DSCP: there are BE, EF, CS0 to CS7, AF11 to AF43", "nope"),
    ("mangle FORWARD -j TOS", "-j TOS takes exactly one of --set-tos, --and-tos, --or-tos and --xor-tos", "TOS"),
    ("mangle FORWARD -j TOS --set-tos 0x100/1", "'0x100' is no number from 0 to 255", "0x100/1"),
    ("mangle FORWARD -j TOS --set-tos 1/256", "'256' is no number from 0 to 255", "1/256"),
    ("mangle FORWARD -j TOS --or-tos 256", "'256' is no number from 0 to 255", "256"),
    ("mangle FORWARD -j CLASSIFY", "-j CLASSIFY takes --set-class MAJOR:MINOR", "CLASSIFY"),
    ("mangle FORWARD -j CLASSIFY --set-class 1", "-j CLASSIFY takes --set-class MAJOR:MINOR", "1"),
    ("mangle FORWARD -j AUDIT", "-j AUDIT takes --type accept, drop or reject", "AUDIT"),
    ("mangle FORWARD -j AUDIT --type fine", "-j AUDIT takes --type accept, drop or reject", "fine"),
    ("mangle FORWARD -p tcp -j TCPMSS", "-j TCPMSS needs --set-mss or --clamp-mss-to-pmtu", "TCPMSS"),
    ("mangle FORWARD -p tcp --syn -j TCPMSS --set-mss 65516", "'65516' is no number from 0 to 65515", "65516"),
    ("mangle FORWARD -j CHECKSUM", "-j CHECKSUM needs --checksum-fill", "CHECKSUM"),
    ("mangle PREROUTING -p tcp -j TPROXY", "-j TPROXY needs --on-port", "TPROXY"),
    ("mangle PREROUTING -j MARK", "-j MARK takes exactly one of --set-xmark, --set-mark, --and-mark, --or-mark, --xor-mark", "MARK"),
    ("mangle PREROUTING -j MARK --or-mark 1/2", "'1/2' is no number from 0 to 4294967295", "1/2"),
    ("mangle PREROUTING -j CONNMARK", "-j CONNMARK takes exactly one of the options that set, save or restore a mark", "CONNMARK"),
    ("mangle PREROUTING -j CONNMARK --save-mark --mask 1 --ctmask 2", "--mask goes with neither --ctmask nor --nfmask", "--mask"),
    ("mangle PREROUTING -j CONNMARK --save-mark --mask 1 --nfmask 2", "--mask goes with neither --ctmask nor --nfmask", "--mask"),
    ("mangle PREROUTING -j CONNMARK --save-mark --left-shift-mark 32", "'32' is no number from 0 to 31", "32"),
    ("raw PREROUTING -j CT --ctevents new,birthday", "unknown event in 'new,birthday' (known: new, related, destroy, reply, assured, protoinfo, helper, mark, natseqinfo, secmark)", "new,birthday"),
    ("raw PREROUTING -j CT --expevents related", "unknown event in 'related' (known: new)", "related"),
    ("raw PREROUTING -j CT --zone 65536", "'65536' is no number from 0 to 65535", "65536"),
    ("filter INPUT -j LOG --log-level 8", "'8' is no level from 0 to 7 nor emerg, panic, alert, crit, error, warning, notice, info, debug", "8"),
    ('filter INPUT -j LOG --log-prefix ""', "a prefix is one line, and not empty", "LOG"),
    ("filter INPUT -j NFLOG --nflog-range 5 --nflog-size 6", "--nflog-range and --nflog-size exclude each other", "--nflog-size"),
    ("filter INPUT -j NFLOG --nflog-threshold 65536", "'65536' is no number from 0 to 65535", "65536"),
    ("filter INPUT -j NFLOG --nflog-range 4294967296", "'4294967296' is no number from 0 to 4294967295", "4294967296"),
    ("filter INPUT -j REJECT --reject-with teapot", "'teapot' is no kind of refusal: there are icmp-net-unreachable, icmp-host-unreachable, icmp-proto-unreachable, icmp-port-unreachable, icmp-net-prohibited, icmp-host-prohibited, tcp-reset, icmp-admin-prohibited", "teapot"),
    ("nat PREROUTING -j DNAT", "-j DNAT needs --to-destination", "DNAT"),
    ("nat POSTROUTING -j SNAT", "-j SNAT needs --to-source", "SNAT"),
    ('nat PREROUTING -p tcp -j DNAT --to-destination ""', "--to-destination names neither an address nor a port", "DNAT"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination nowhere", "'nowhere' is no IPv4 address (names are not looked up)", "nowhere"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-", "'' is no IPv4 address (names are not looked up)", "10.0.0.1-"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:", "'10.0.0.1:' ends in a colon without a port", "10.0.0.1:"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:90-80", "port range '90-80' runs backwards", "90-80"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:80-x", "'x' is no number from 0 to 65535", "80-x"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:80-65536", "'65536' is no number from 0 to 65535", "80-65536"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:1-2/0", "a range cannot be counted from port 0 (1-2/0)", "1-2/0"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:1-2/65536", "'65536' is no port from 0 to 65535", "65536"),
    ("nat PREROUTING -p tcp -j DNAT --to-destination [10.0.0.1]:80", "'[10.0.0.1]:80' is not [address]:port", "[10.0.0.1]:80"),
    ("nat PREROUTING -p tcp -j REDIRECT --to-ports 2-1", "port range '2-1' runs backwards", "2-1"),
    ("nat PREROUTING -j NETMAP", "-j NETMAP needs --to", "NETMAP"),
]

STRICTER = [
    (f"filter INPUT -m recent --rcheck --name {'n' * 200}", f"'{'n' * 40}' is no name of a list: they have 1 to 199 characters", "n" * 200),
    ('filter INPUT -m physdev --physdev-in ""', "a device name is empty", "physdev-in"),
    ("filter OUTPUT -m owner --uid-owner daemon", "'daemon' is no number (accounts are not looked up)", "daemon"),
    ('filter INPUT -m recent --rcheck --name "a b"', "'a b' is no name of a list: it is a file's in /proc, without a blank", "a b"),
    ("raw PREROUTING -j CT --zone-orig 1 --zone-reply 2", "one of --zone, --zone-orig, --zone-reply, not several", "--zone-reply"),
    ("nat POSTROUTING -p tcp -j SNAT --to-source 10.0.0.1:1-2/3", "a shifted port range (1-2/3) is for DNAT only", "1-2/3"),
    ("nat POSTROUTING -p tcp -j MASQUERADE --to-ports 1-2/3", "a shifted port range (1-2/3) is for DNAT only", "1-2/3"),
    ("nat PREROUTING -j NETMAP --to 10.0.0.0/40", "'40' is no prefix length from 0 to 32 and no mask", "10.0.0.0/40"),
]
"""What iptables takes: it looks names up, prints what it cannot read, or means otherwise than was written."""
# fmt: on


@pytest.mark.parametrize("line, message, word", [*MATCHES, *TARGETS, *STRICTER])
def test_says_what_is_wrong_and_where(line: str, message: str, word: str) -> None:
    table, _, rule = line.partition(" ")
    with pytest.raises(InputError) as caught:
        Ruleset.from_save(f"*{table}\n-A {rule}\nCOMMIT\n", "ipv4")
    (said,) = caught.value.diagnostics
    assert (said.message, said.found) == (message, word)
    assert said.position is not None
    assert said.source[said.position.column - 1 :].startswith(word)


SIX = [
    ("-p tcp -j TCPMSS --set-mss 65496", "'65496' is no number from 0 to 65495", "65496"),
    ("-p tcp -j DNAT --to-destination [fd00::5:80", "'[fd00::5:80' is not [address]:port", "[fd00::5:80"),
    (
        "-p tcp -j DNAT --to-destination x[fd00::5]:80",
        "'x[fd00::5]:80' is not [address]:port",
        "x[fd00::5]:80",
    ),
    ("-p tcp -j DNAT --to-destination [fd00::5]80", "'[fd00::5]80' is not [address]:port", "[fd00::5]80"),
    (
        "-p tcp -j DNAT --to-destination [a[b]:80",
        "'a[b' is no IPv6 address (names are not looked up)",
        "[a[b]:80",
    ),
    ("-p tcp -j DNAT --to-destination [fd00::5]:80]", "'80]' is no port from 0 to 65535", "80]"),
]


@pytest.mark.parametrize("rule, message, word", SIX)
def test_says_so_of_ipv6(rule: str, message: str, word: str) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule(rule, "ipv6")
    assert (str(caught.value), caught.value.word) == (message, word)


def test_a_prefix_is_one_line() -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule('-j LOG --log-prefix "two\nlines"', "ipv4")
    assert (str(caught.value), caught.value.word) == ("a prefix is one line, and not empty", "two\nlines")
