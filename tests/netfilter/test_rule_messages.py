"""What is said of rules that iptables refuses, whole, and the word that it points at."""

import pytest

from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.syntax import parse_rule

LONG = "a-name-of-twenty-nine-letters"
ANY_64 = "is no number from 0 to 18446744073709551615"
NO_IPV4 = "is no IPv4 address (names are not looked up)"
MASK = "is no prefix length from 0 to 32 and no mask"
PORTS = "needs -p tcp, udp or sctp before it"
NAT_PORTS = "need -p tcp, udp, sctp, dccp or icmp before them"

MESSAGES = {
    # '!'
    "! ! -s 10.0.0.1 -j A": ("two '!' in a row", "!"),
    "-s 10.0.0.1 -j A !": ("a '!' with nothing behind it", "!"),
    "! -m tcp -p tcp": ("there can be no '!' before -m", "-m"),
    "! -j A": ("there can be no '!' before -j", "-j"),
    "! --goto A": ("there can be no '!' before --goto", "--goto"),
    "! -c 1 2 -j A": ("there can be no '!' before -c", "-c"),
    "! -4 -j A": ("there can be no '!' before -4", "-4"),
    "! -p all -j A": ("'! -p all' matches nothing", "all"),
    "-m comment ! --comment x -j A": ("--comment of comment cannot be negated", "--comment"),
    "! -s 10.0.0.1,10.0.0.2 -j A": ("'!' does not go with several addresses", ""),
    # how often
    "-s 10.0.0.1 --source 10.0.0.2": ("--source stands twice", "--source"),
    "-i eth0 -i eth1": ("-i stands twice", "-i"),
    "-f --fragments": ("--fragments stands twice", "--fragments"),
    "-p tcp --dport 1 --dport 2": ("--dport stands twice", "--dport"),
    "-m comment --comment x --comment y": ("--comment stands twice", "--comment"),
    "-j ACCEPT -j DROP": ("a rule has one target only", "-j"),
    "-j ACCEPT --goto A": ("a rule has one target only", "--goto"),
    "-s 10.0.0.1,10.0.0.2 -j A": ("this text is 2 rules, not one", ""),
    # what is missing
    "-s": ("-s needs 1 value", "-s"),
    "-d 10.0.0.1 --in-interface": ("--in-interface needs 1 value", "--in-interface"),
    "-c 1": ("-c needs 2 values", "-c"),
    "-p tcp -m tcp --tcp-flags SYN": ("--tcp-flags needs 2 values", "--tcp-flags"),
    "-m comment --comment": ("--comment needs 1 value", "--comment"),
    '-m comment --comment "x': ("a double quote is never closed", ""),
    # options
    "-x -j A": ("unknown option '-x'", "-x"),
    "word -j A": ("unknown option 'word'", "word"),
    "-m comment --comment a b -j A": ("unknown option 'b'", "b"),
    "--frobnicate=1 -j A": ("unknown option '--frobnicate=1'", "--frobnicate=1"),
    "-- -j A": ("unknown option '--'", "--"),
    "--d 10.0.0.1 -j A": ("unknown option '--d'", "--d"),
    "-p tcp --s 80 -j A": ("unknown option '--s'", "--s"),
    "-p tcp --syn=1 -j A": ("unknown option '--syn=1'", "--syn=1"),
    "--proto=tcp -j A": ("unknown option '--proto=tcp'", "--proto=tcp"),
    # protocols and ports
    "--dport 80": (f"--dport {PORTS}", "--dport"),
    "--sport=80": (f"--sport {PORTS}", "--sport=80"),
    "--destination-port 80": (f"--destination-port {PORTS}", "--destination-port"),
    "--source-port 80": (f"--source-port {PORTS}", "--source-port"),
    "-m tcp -j A": ("-m tcp needs -p tcp", "tcp"),
    "-p udp -m tcp -j A": ("-m tcp needs -p tcp", "tcp"),
    "! -p tcp -m tcp -j A": ("-m tcp needs -p tcp", "tcp"),
    "-p icmp -m multiport --dports 1": ("-m multiport needs -p tcp, udp, udplite, sctp or dccp", "multiport"),
    "-m multiport --dports 1 -p tcp": ("-m multiport needs -p before its ports", "multiport"),
    "-j DNAT --to-destination 10.0.0.1:80": (f"ports of -j DNAT {NAT_PORTS}", "DNAT"),
    "-j REDIRECT --to-ports 80 -p tcp": (f"ports of -j REDIRECT {NAT_PORTS}", "REDIRECT"),
    "-p 47 -j REDIRECT --to-ports 80": (f"ports of -j REDIRECT {NAT_PORTS}", "REDIRECT"),
    "-p nope -j A": ("unknown protocol 'nope'", "nope"),
    "-p tcp --dport 65536": ("'65536' is no port from 0 to 65535", "65536"),
    "-p tcp --dport nope": ("'nope' is no port from 0 to 65535", "nope"),
    # names
    "-m icmp6 -j A": ("-m icmp6 is for IPv6 only", "icmp6"),
    f"-m {LONG}": (f"'{LONG}' is no name of a match: they have 1 to 28 characters", LONG),
    f"-j {LONG}": (f"'{LONG}' is no name of a chain or target: they have 1 to 28 characters", LONG),
    '-j ""': ("'' is no name of a chain or target: they have 1 to 28 characters", ""),
    '-j "a b"': ("'a b' is no name of a chain or target: a blank or a quote in it", "a b"),
    '-m "a\\""': ("'a\"' is no name of a match: a blank or a quote in it", 'a"'),
    "-i sixteen-letters-x": ("device name 'sixteen-letters-x' is longer than 15 characters", "sixteen-letters-x"),
    '-o ""': ("a device name is empty", "-o"),
    # numbers and addresses
    "-c 1 x -j A": (f"'x' {ANY_64}", "x"),
    "-c -1 1 -j A": (f"'-1' {ANY_64}", "-1"),
    "-c 1 18446744073709551616 -j A": (f"'18446744073709551616' {ANY_64}", "18446744073709551616"),
    "-s host": (f"'host' {NO_IPV4}", "host"),
    "-s 1.2.3.256": (f"'1.2.3.256' {NO_IPV4}", "1.2.3.256"),
    "-s 10.256": (f"'10.256' {NO_IPV4}", "10.256"),
    "-s 1.2.3.4.5/32": (f"'1.2.3.4.5' {NO_IPV4}", "1.2.3.4.5/32"),
    "-s 10.0.0.0/8/8": (f"'10.0.0.0/8' {NO_IPV4}", "10.0.0.0/8/8"),
    "-s 10.0.0.0/33": (f"'33' {MASK}", "10.0.0.0/33"),
    "-s 10.0.0.0/-1": (f"'-1' {MASK}", "10.0.0.0/-1"),
    "-s 10.0.0.0/255.0.0.x": (f"'255.0.0.x' {MASK}", "10.0.0.0/255.0.0.x"),
    "-m conntrack --ctorigsrc 1.2.3.4.5/32": (f"'1.2.3.4.5' {NO_IPV4}", "1.2.3.4.5/32"),
    "-m conntrack --ctorigsrc 10.0.0.0/8/8": (f"'10.0.0.0/8' {NO_IPV4}", "10.0.0.0/8/8"),
    "-m conntrack --ctorigsrc 10.16777216": (f"'10.16777216' {NO_IPV4}", "10.16777216"),
    "-m conntrack --ctorigsrc 256.1": (f"'256.1' {NO_IPV4}", "256.1"),
    "-m conntrack --ctorigsrc 10.0.0.0/33": (f"'33' {MASK}", "10.0.0.0/33"),
}  # fmt: skip

MESSAGES_IPV6 = {
    "-f": ("-f is for IPv4 only; IPv6 has -m frag", "-f"),
    "-m icmp -p icmp": ("-m icmp is for IPv4 only", "icmp"),
    "-m icmpv6 --icmpv6-type 1": ("-m icmp6 needs -p ipv6-icmp", "icmp6"),
    "-s 10.0.0.1": ("'10.0.0.1' is no IPv6 address (names are not looked up)", "10.0.0.1"),
    "-s fd00::/129": ("'129' is no prefix length from 0 to 128 and no mask", "fd00::/129"),
    "-4 -j A": ("this text is 0 rules, not one", ""),
}


@pytest.mark.parametrize(
    "rule, family, message, word",
    [(rule, "ipv4", *said) for rule, said in MESSAGES.items()]
    + [(rule, "ipv6", *said) for rule, said in MESSAGES_IPV6.items()],
)
def test_what_is_said_of_a_rule(rule: str, family: Family, message: str, word: str) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule(rule, family)
    assert (str(caught.value), caught.value.word) == (message, word)
