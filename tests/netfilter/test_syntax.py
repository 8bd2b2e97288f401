"""Rule text in, meaning out, and back as iptables-save prints it.

Saved forms are those of iptables 1.8.9, which prints the same with both back ends; refusals are iptables' own.
"""

import pytest

from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.quoting import quote, split_words
from kproxysim.netfilter.syntax import parse_rule

SAVED = [
    # as kube-proxy writes it                                        as iptables-save prints it
    (
        '-m comment --comment "ns/svc:http cluster IP" -m tcp -p tcp -d 10.96.0.1 --dport 80 -j KUBE-SVC-A',
        '-d 10.96.0.1/32 -p tcp -m comment --comment "ns/svc:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-A',
    ),
    (
        "-m comment --comment x -m tcp -p tcp -d 10.96.0.1 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ",
        "! -s 10.0.0.0/8 -d 10.96.0.1/32 -p tcp -m comment --comment x -m tcp --dport 80 -j KUBE-MARK-MASQ",
    ),
    ("-m tcp -p tcp -d 10.96.0.1 ! -i cali+ -j RETURN", "-d 10.96.0.1/32 ! -i cali+ -p tcp -m tcp -j RETURN"),
    ("-m comment --comment ns/svc -s 10.0.0.5 -j A", '-s 10.0.0.5/32 -m comment --comment "ns/svc" -j A'),
    ("-j MARK --or-mark 0x00004000", "-j MARK --set-xmark 0x4000/0x4000"),
    ("-j MARK --xor-mark 0x00004000", "-j MARK --set-xmark 0x4000/0x0"),
    ("-j MARK --set-mark 1", "-j MARK --set-xmark 0x1/0xffffffff"),
    ("-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00"),
    ("-m mark ! --mark 0x00004000/0x00004000 -j RETURN", "-m mark ! --mark 0x4000/0x4000 -j RETURN"),
    (
        "-m recent --name X --set -j A",
        "-m recent --set --name X --mask 255.255.255.255 --rsource -j A",
    ),
    (
        "-m recent --name X --rcheck --seconds 60 --reap -j A",
        "-m recent --rcheck --seconds 60 --reap --name X --mask 255.255.255.255 --rsource -j A",
    ),
    ("-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"),
    (
        "-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS",
        "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    ),
    (
        "-m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP",
        "-m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP",
    ),
    (
        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ),
    ("-p tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"),
    ("-p tcp --syn -j ACCEPT", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"),
    ("-s 10.0.0.5/255.0.0.0 -j ACCEPT", "-s 10.0.0.0/8 -j ACCEPT"),
    ("-j MASQUERADE --random-fully", "-j MASQUERADE --random-fully"),
    ("-p 17 -j DNAT --to-destination 10.0.0.5:53", "-p udp -j DNAT --to-destination 10.0.0.5:53"),
]

# k: what 1/k is printed as after it was stored in 31 bits
PROBABILITIES = {
    2: "0.50000000000",
    3: "0.33333333349",
    4: "0.25000000000",
    5: "0.20000000019",
    6: "0.16666666651",
    7: "0.14285714272",
    8: "0.12500000000",
    9: "0.11111111101",
    10: "0.10000000009",
    11: "0.09090909082",
    12: "0.08333333349",
    100: "0.00999999978",
}

WITHOUT_A_KERNEL = [
    # what iptables loads only where a set or a counter is: libxt_set.c, libxt_nfacct.c; and targets known by name
    "-m set --match-set n src",
    f"-m set ! --match-set {'n' * 31} src,dst,src,dst,src,dst",
    "-m set --match-set n src --return-nomatch ! --update-counters ! --update-subcounters --packets-eq 0 ! --bytes-eq 5",
    "-m set --match-set n dst ! --packets-eq 18446744073709551615 --bytes-gt 18446744073709551614",
    "-m set --match-set n src --packets-lt 5 --bytes-lt 1",
    '-m nfacct --nfacct-name  "a counter" -j ACCEPT',
    f"-m nfacct --nfacct-name  {'n' * 31}",
    "-p tcp -m tcp ! --tcp-flags NONE NONE",
    "-j CT --timeout short",
    "-j NFQUEUE",
    "-j NFQUEUE --queue-num 3",
]


@pytest.mark.parametrize("rule", WITHOUT_A_KERNEL)
def test_prints_what_it_reads(rule: str) -> None:
    assert parse_rule(rule, "ipv4").save() == rule


def test_names_of_sets_and_counters_in_other_words() -> None:
    group = parse_rule(f"-j NFLOG --nflog-prefix {'n' * 64}", "ipv4")  # as the legacy back end cuts it
    assert group.save() == f"-j NFLOG --nflog-prefix {'n' * 63}"
    set_words = "-m set --match-set n srcs,dst --bytes-eq 010 --packets-gt 0x1 --update-counters"
    assert parse_rule(set_words, "ipv4").save() == "-m set --match-set n src,dst --packets-gt 1 --bytes-eq 8"
    long = parse_rule(f"-m nfacct --nfacct-name {'ä' * 16}", "ipv4")
    assert long.save() == f'-m nfacct --nfacct-name  "{"ä" * 15}"'


@pytest.mark.parametrize("option", ["-m comment --comment", "-j LOG --log-prefix"])
def test_bytes_that_are_no_text_go(option: str) -> None:
    assert parse_rule(f"{option} a\udcff", "ipv4").save() == f"{option} a"


REFUSED = [
    ("--dport 80 -j ACCEPT", "--dport"),  # a port without a protocol
    ("-m tcp --dport 80 -j ACCEPT", "-p tcp"),
    ("-p udp -m tcp --dport 80 -j ACCEPT", "-p tcp"),
    ("-p tcp --dport 70000 -j ACCEPT", "70000"),
    ("-p tcp --dport 90:80 -j ACCEPT", "backwards"),
    ("-s 10.0.0.300 -j ACCEPT", "10.0.0.300"),
    ("-s 10.0.0.0/33 -j ACCEPT", "33"),
    ("-s fd00::1 -j ACCEPT", "IPv4"),
    ("-s 10.0.0.1 -s 10.0.0.2 -j ACCEPT", "twice"),
    ("-j ACCEPT -j DROP", "one target"),
    ("-j DNAT", "--to-destination"),
    ("-j DNAT --to-destination 10.0.0.1 --to-destination 10.0.0.2", "twice"),
    ("-m comment --comment", "needs 1 value"),
    ("-m statistic --mode random --probability 1.5 -j A", "from 0 to 1"),
    ("-m addrtype --dst-type NOWHERE -j A", "NOWHERE"),
    ("-m conntrack --ctstate SLEEPING -j A", "SLEEPING"),
    ("-j REJECT --reject-with teapot", "teapot"),
    ("-i a-device-with-a-long-name -j A", "15"),
    ('-m comment --comment "never closed', "never closed"),
    ("!", "nothing behind"),
    ("--frobnicate -j A", "--frobnicate"),
]


@pytest.mark.parametrize("written, saved", SAVED)
def test_prints_what_iptables_save_prints(written: str, saved: str) -> None:
    assert parse_rule(written, "ipv4").save() == saved


@pytest.mark.parametrize("_, saved", SAVED)
def test_reads_its_own_print(_: str, saved: str) -> None:
    assert parse_rule(saved, "ipv4").save() == saved


@pytest.mark.parametrize("k, digits", PROBABILITIES.items())
def test_probability_is_stored_in_31_bits(k: int, digits: str) -> None:
    rule = parse_rule(f"-m statistic --mode random --probability {1 / k:.10f} -j A", "ipv4")
    assert rule.save() == f"-m statistic --mode random --probability {digits} -j A"
    assert rule.draw is not None
    assert rule.draw.meant.denominator == k
    assert rule.draw.meant.numerator == 1
    assert parse_rule(rule.save(), "ipv4").draw == rule.draw


@pytest.mark.parametrize("text, says", REFUSED)
def test_refuses_what_iptables_refuses(text: str, says: str) -> None:
    with pytest.raises(RuleSyntaxError, match=says):
        parse_rule(text, "ipv4")


def test_ipv6_has_its_own_defaults() -> None:
    assert parse_rule("-j REJECT", "ipv6").save() == "-j REJECT --reject-with icmp6-port-unreachable"
    saved = parse_rule(
        "-m recent --name X --set -p tcp -m tcp -j DNAT --to-destination [fd00::5]:80", "ipv6"
    ).save()
    assert "--mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource" in saved
    assert saved.endswith("-j DNAT --to-destination [fd00::5]:80")


def test_unknown_match_is_kept_with_its_words() -> None:
    text = '-p tcp -m u32 --u32 "6&0xFF=1" -j ACCEPT'
    assert parse_rule(text, "ipv4").save() == text


@pytest.mark.parametrize("word", ["plain", "two words", 'a "quote"', "back\\slash", "it's", "ns/svc:80", ""])
def test_quoting_round_trips(word: str) -> None:
    assert split_words(f"--comment {quote(word)} end") == ["--comment", word, "end"]


@pytest.mark.parametrize(
    "letter, count, kept", [("x", 300, 255), ("\u00e9", 128, 127), ("\U0001f600", 64, 63)]
)
def test_comment_is_cut_at_255_bytes(letter: str, count: int, kept: int) -> None:
    saved = parse_rule(f'-m comment --comment "{letter * count}"', "ipv4").save()
    assert saved.replace('"', "") == f"-m comment --comment {letter * kept}"


def test_half_a_letter_in_a_comment_that_is_cut_is_left_out() -> None:
    """As JSON may have it: a surrogate without its other half, which no encoding has."""
    assert parse_rule(f"-m comment --comment {'x' * 300}\ud800", "ipv4").save().endswith("x")


@pytest.mark.parametrize(
    "rule, word",
    [
        ("-m mark --mark x/1 -j A", "x/1"),
        ("-m connmark --mark 1/x -j A", "1/x"),
        ("-p tcp -m multiport --dports 1,81:80 -j A", "81:80"),
        (
            "-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 -j A",
            "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
        ),
    ],
)
def test_an_error_names_the_whole_word(rule: str, word: str) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule(rule, "ipv4")
    assert caught.value.word == word
