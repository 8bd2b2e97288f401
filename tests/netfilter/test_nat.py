"""What a connection is given, port by port. Sources: `get_unique_tuple`, `nf_nat_l4proto_unique_tuple`,
`find_appropriate_src` and `nf_nat_icmp_reply_translation` in net/netfilter/nf_nat_core.c and nf_nat_proto.c.
"""

from ipaddress import ip_address

import pytest

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.conntrack import Connection, Conntrack, Flow, Status, Tuple
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.nat import DESTINATION, SOURCE, Wanted, bind, cut_ports, is_bound, translate
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tracking import track
from kproxysim.packet import Packet

CLIENT, OTHER, DIALLED, ENDPOINT, NODE = 0x0A000005, 0x0A000006, 0x0A600001, 0x0AF4010A, 0x0A80000B
PORTS = (1000, 1003)


def table(*taken: Tuple) -> Conntrack:
    """A table with connections that nothing was done to."""
    found = Conntrack()
    for one in taken:
        found.confirm(found.open(one))
    return found


def destination(port: int, wanted: Wanted, *taken: int) -> int:
    """The port at ENDPOINT that a call to `port` is led to, while the same client port talks to `taken` of it."""
    known = table(*(Tuple("udp", CLIENT, 4000, ENDPOINT, one) for one in taken))
    new = bind(known, known.open(Tuple("udp", CLIENT, 4000, DIALLED, port)), DESTINATION, wanted)
    assert new.reply.src == ENDPOINT
    assert new.status == Status.DST_NAT | Status.DST_NAT_DONE
    return new.reply.sport


@pytest.mark.parametrize(
    "port, taken, wanted",
    [
        # in the range: kept, both ends as well
        (1000, (), 1000),
        (1003, (), 1003),
        # not in it: its first one
        (999, (), 1000),
        (1004, (), 1000),
        (0, (), 1000),
        # taken: the first that is free
        (1002, (1002,), 1000),
        (1000, (1000, 1001), 1002),
        (53, (1000, 1001, 1002), 1003),
        # all of them
        (53, (1000, 1001, 1002, 1003), 1000),
    ],
)
def test_a_destination_port_of_a_range(port: int, taken: tuple[int, ...], wanted: int) -> None:
    assert destination(port, Wanted(ENDPOINT, PORTS), *taken) == wanted


@pytest.mark.parametrize(
    "port, taken, wanted",
    [
        # from the base on, and round at the end of the range
        (2000, (), 5000),
        (2010, (), 5010),
        (2011, (), 5000),
        # below the base, counted in 16 bits
        (1999, (), 5008),
        (1000, (), 5010),
        (5, (), 5005),
        # a port within the range is not kept: 5003 is the 3003rd from 2000
        (5003, (), 5000),
        # taken: the next, round as well
        (2002, (5002,), 5003),
        (2010, (5010,), 5000),
        (1999, (5008,), 5000),
        # all of them
        (2002, tuple(range(5000, 5011)), 5002),
    ],
)
def test_a_destination_port_counted_from_a_base(port: int, taken: tuple[int, ...], wanted: int) -> None:
    """`NF_NAT_RANGE_PROTO_OFFSET`, 5000-5010/2000; the first six were measured on Linux 6.18."""
    assert destination(port, Wanted(ENDPOINT, (5000, 5010), base=2000), *taken) == wanted


def test_one_destination_port_is_taken_even_if_another_has_it() -> None:
    assert destination(53, Wanted(ENDPOINT, (1000, 1000)), 1000) == 1000


@pytest.mark.parametrize("address, shown", [(CLIENT, 1024), (NODE, 4000)])
def test_a_drawn_port_is_not_its_own_where_nothing_else_changes(address: int, shown: int) -> None:
    """Measured, of packets that come round: one in 64,512 would be taken for the connection that it came from."""
    known = table()
    new = known.open(Tuple("udp", CLIENT, 4000, DIALLED, 53))
    drawn = bind(known, new, SOURCE, Wanted(address, random=True))
    assert (drawn.reply.dst, drawn.reply.dport, drawn.free_ports) == (address, shown, (1024, 65535))


@pytest.mark.parametrize("address, shown", [("10.0.0.5", 1), ("10.128.0.11", 0)])
def test_nor_is_the_id_of_a_ping(address: str, shown: int) -> None:
    known = Conntrack()
    flow = track(ping("10.0.0.5", "10.96.0.1"), known, Sysctls()).flow
    assert flow is not None
    assert flow.connection is not None
    wanted = Wanted(int(ip_address(address)), random=True)
    assert -1 - bind(known, flow.connection, SOURCE, wanted).reply.echo_id == shown


def test_what_has_no_ports_gets_none() -> None:
    known = table()
    new = known.open(Tuple("gre", CLIENT, -1, DIALLED, -1))
    led = bind(known, new, DESTINATION, Wanted(ENDPOINT, PORTS))
    assert led.reply == Tuple("gre", ENDPOINT, -1, CLIENT, -1)
    sent = bind(known, new, SOURCE, Wanted(NODE, PORTS))
    assert (sent.reply, sent.free_ports) == (Tuple("gre", DIALLED, -1, NODE, -1), None)


def source(port: int, wanted: Wanted, *taken: int) -> tuple[int, tuple[int, int] | None]:
    """The source port of a call by NODE, and the range that it is drawn from, while another client has `taken`."""
    known = Conntrack()
    for number, one in enumerate(taken):
        other = known.open(Tuple("udp", OTHER + number, one, DIALLED, 53))
        known.confirm(other._replace(reply=other.reply._replace(dst=NODE)))
    new = bind(known, known.open(Tuple("udp", CLIENT, port, DIALLED, 53)), SOURCE, wanted)
    assert new.reply.dst == NODE
    return new.reply.dport, new.free_ports


@pytest.mark.parametrize(
    "port, ports, taken, wanted",
    [
        # no ports asked for: kept if it is free, else another of its class
        (40000, None, (), (40000, None)),
        (1024, None, (1024,), (1025, (1024, 65535))),
        (600, None, (600,), (601, (600, 1023))),
        (511, None, (511, 1), (2, (1, 511))),
        (520, None, (), (520, None)),
        (0, None, (), (0, None)),
        (0, None, (0,), (1, (1, 511))),
        # a range: kept within it, both ends as well
        (1000, PORTS, (), (1000, None)),
        (1003, PORTS, (), (1003, None)),
        (999, PORTS, (), (1000, PORTS)),
        (1004, PORTS, (), (1000, PORTS)),
        (53, PORTS, (1000, 1001, 1002), (1003, PORTS)),
        (1002, PORTS, (1002,), (1000, PORTS)),
        # all of them
        (53, PORTS, (1000, 1001, 1002, 1003), (53, PORTS)),
    ],
)
@pytest.mark.parametrize("kind", ["one address", "a range of addresses"])
def test_a_source_port(
    port: int,
    ports: tuple[int, int] | None,
    taken: tuple[int, ...],
    wanted: tuple[int, tuple[int, int] | None],
    kind: str,
) -> None:
    asked = Wanted(NODE, ports)
    if kind != "one address":
        asked = asked._replace(first=NODE - 1, last=NODE + 1)
    assert source(port, asked, *taken) == wanted


def test_a_source_port_that_is_drawn_at_once() -> None:
    """`--random-fully`: the one that is shown is its own, the entry says what it may be."""
    assert source(40000, Wanted(NODE, random=True)) == (40000, (1024, 65535))
    assert source(40000, Wanted(NODE, random=True), 40000) == (1024, (1024, 65535))
    assert source(1002, Wanted(NODE, PORTS, random=True)) == (1002, PORTS)


@pytest.mark.parametrize(
    "first, last, kept", [(-1, 1, True), (0, 1, True), (-1, 0, True), (1, 2, False), (-2, -1, False)]
)
def test_a_source_within_the_range_stays(first: int, last: int, kept: bool) -> None:
    """`find_appropriate_src` begins with the connection's own source."""
    known = table()
    asked = Wanted(NODE, None, first=CLIENT + first, last=CLIENT + last)
    new = bind(known, known.open(Tuple("udp", CLIENT, 4000, DIALLED, 53)), SOURCE, asked)
    assert new.reply.dst == (CLIENT if kept else NODE)
    assert new.status == Status.SRC_NAT_DONE | (0 if kept else Status.SRC_NAT)


@pytest.mark.parametrize(
    "last, ports, wanted",
    [
        (NODE + 1, None, (NODE + 1, 5000, (1024, 65535))),
        (NODE + 1, (4990, 5000), (NODE + 1, 5000, (1024, 65535))),
        (NODE + 1, (5000, 5010), (NODE + 1, 5000, (1024, 65535))),
        # not within what is asked for now
        (NODE, None, (NODE, 4000, None)),
        (NODE + 1, (6000, 6010), (NODE, 6000, (6000, 6010))),
    ],
)
def test_a_client_keeps_the_source_that_it_has_elsewhere(
    last: int, ports: tuple[int, int] | None, wanted: tuple[int, int, tuple[int, int] | None]
) -> None:
    """`find_appropriate_src`: address and port, and what these were drawn from."""
    known = Conntrack()
    other = known.open(Tuple("udp", CLIENT, 4000, OTHER, 53))
    known.confirm(other._replace(reply=Tuple("udp", OTHER, 53, NODE + 1, 5000), free_ports=(1024, 65535)))
    asked = Wanted(NODE, ports, first=NODE, last=last)
    new = bind(known, known.open(Tuple("udp", CLIENT, 4000, DIALLED, 53)), SOURCE, asked)
    assert (new.reply.dst, new.reply.dport, new.free_ports) == wanted


def test_an_entry_knows_that_its_source_was_masqueraded() -> None:
    known = table()
    new = known.open(Tuple("udp", CLIENT, 4000, DIALLED, 53))
    for masquerades in (False, True):
        status = bind(known, new, SOURCE, Wanted(NODE, masquerades=masquerades)).status
        assert bool(status & Status.MASQUERADED) == masquerades


def test_the_other_side_is_left_as_it_was() -> None:
    known = table()
    new = known.open(Tuple("udp", CLIENT, 4000, DIALLED, 53))._replace(free_ports=(600, 1023))
    assert not is_bound(new, DESTINATION)
    led = bind(known, new, DESTINATION, Wanted(ENDPOINT))
    assert (is_bound(led, DESTINATION), is_bound(led, SOURCE), led.free_ports) == (True, False, (600, 1023))
    both = bind(known, led, SOURCE)
    assert both.status == Status.DST_NAT | Status.DST_NAT_DONE | Status.SRC_NAT_DONE
    assert both.reply == Tuple("udp", ENDPOINT, 53, CLIENT, 4000)


class TestTranslate:
    """At a hook the one end that is translated there changes."""

    WAY = Connection(
        1,
        Tuple("udp", CLIENT, 4000, DIALLED, 53),
        Tuple("udp", ENDPOINT, 5353, NODE, 6000),
        Status.DST_NAT | Status.SRC_NAT,
    )
    THERE = Packet("udp", "10.0.0.5", "10.96.0.1", 4000, 53)
    LED = Packet("udp", "10.0.0.5", "10.244.1.10", 4000, 5353)
    PING = Packet("icmp", "10.128.0.11", "10.244.1.10", icmp=(8, 0))
    SENT = Packet("udp", "10.128.0.11", "10.244.1.10", 6000, 5353)

    def at(self, hook: str, packet: Packet, *, reply: bool, status: int | None = None) -> str:
        way = self.WAY if status is None else self.WAY._replace(status=status)
        skb = Skb.of(packet).with_flow(Flow("ESTABLISHED", way, reply))
        found = translate(skb, hook)
        return str(found.packet)

    @pytest.mark.parametrize("hook", ["PREROUTING", "OUTPUT"])
    def test_there_the_destination_first(self, hook: str) -> None:
        assert self.at(hook, self.THERE, reply=False) == str(self.LED)

    @pytest.mark.parametrize("hook", ["INPUT", "POSTROUTING"])
    def test_then_the_source(self, hook: str) -> None:
        assert self.at(hook, self.LED, reply=False) == str(self.SENT)

    @pytest.mark.parametrize("hook", ["PREROUTING", "OUTPUT"])
    def test_back_the_destination_first(self, hook: str) -> None:
        back = Packet("udp", "10.244.1.10", "10.128.0.11", 5353, 6000)
        assert self.at(hook, back, reply=True) == "udp 10.244.1.10:5353 -> 10.0.0.5:4000"
        assert self.at(hook, back, reply=True, status=Status.DST_NAT) == str(back)

    @pytest.mark.parametrize("hook", ["INPUT", "POSTROUTING"])
    def test_then_the_source_again(self, hook: str) -> None:
        back = Packet("udp", "10.244.1.10", "10.0.0.5", 5353, 4000)
        assert self.at(hook, back, reply=True) == "udp 10.96.0.1:53 -> 10.0.0.5:4000"
        assert self.at(hook, back, reply=True, status=Status.SRC_NAT) == str(back)

    @pytest.mark.parametrize("hook", ["PREROUTING", "POSTROUTING"])
    @pytest.mark.parametrize("reply", [False, True])
    def test_nothing_that_was_not_decided(self, hook: str, reply: bool) -> None:
        assert self.at(hook, self.THERE, reply=reply, status=0) == str(self.THERE)

    @pytest.mark.parametrize(
        "hook, src, dst, quoted, wanted",
        [
            # a router behind the node says that what was sent on does not arrive: the client hears it of the dialled one
            ("PREROUTING", "10.244.1.1", "10.128.0.11", SENT, f"10.244.1.1 -> 10.0.0.5: {LED}"),
            ("POSTROUTING", "10.244.1.1", "10.0.0.5", LED, f"10.96.0.1 -> 10.0.0.5: {THERE}"),
            # the endpoint itself says so
            ("POSTROUTING", "10.244.1.10", "10.0.0.5", LED, f"10.96.0.1 -> 10.0.0.5: {THERE}"),
            # of a ping
            (
                "PREROUTING",
                "10.244.1.1",
                "10.128.0.11",
                PING,
                "10.244.1.1 -> 10.0.0.5: icmp 8/0 10.0.0.5 -> 10.244.1.10",
            ),
            (
                "POSTROUTING",
                "10.244.1.1",
                "10.0.0.5",
                PING,
                "10.96.0.1 -> 10.0.0.5: icmp 8/0 10.128.0.11 -> 10.96.0.1",
            ),
        ],
    )
    def test_an_error_quotes_what_its_reader_sent(
        self, hook: str, src: str, dst: str, quoted: Packet, wanted: str
    ) -> None:
        """`nf_nat_icmp_reply_translation`: the packet that is quoted goes the other way."""
        error = Packet("icmp", src, dst, icmp=(3, 1), inner=quoted)
        found = translate(Skb.of(error).with_flow(Flow("RELATED", self.WAY, True)), hook).packet
        assert f"{found.src} -> {found.dst}: {found.inner}" == wanted


def test_searches_for_ports_are_told_to_whoever_divides_them() -> None:
    """Measured: below 512 stays in 1-511, 512 to 1023 in 600-1023, above in 1024-65535."""
    cuts, wanted = Cuts(), Cuts()
    cut_ports(cuts)
    for low, high in ((0, 511), (512, 1023), (1024, 65535)):
        wanted.ports(low, high)
    for first in (1, 600, 1024):
        wanted.port(first)
    found, classes = cuts.port_atoms(), wanted.port_atoms()
    for port in (0, 1, 2, 511, 512, 599, 600, 601, 1023, 1024, 1025, 65535):
        assert found.is_single(port) == classes.is_single(port)
        assert found.number(port) == classes.number(port)


def ping(src: str, dst: str, echo_id: int = 0, icmp: tuple[int, int] = (8, 0)) -> Skb:
    return Skb.of(Packet("icmp", src, dst, icmp=icmp, echo_id=echo_id))


def there(echo_id: int, src: str = "10.128.0.11") -> Packet:
    return ping(src, "10.244.1.10", echo_id).packet


def test_a_ping_whose_answers_another_ping_claims_gets_another_id() -> None:
    """Measured on Linux 6.18: the id is that of both sides, so DNAT changes it as well as SNAT; answers and errors get
    the one back that the sender chose.
    """
    known, sysctls = Conntrack(), Sysctls()
    for number, source in enumerate(("10.0.0.5", "10.0.0.6", "10.0.0.7")):
        flow = track(ping(source, "10.96.0.1"), known, sysctls).flow
        assert flow is not None
        assert flow.connection is not None
        led = bind(known, flow.connection, DESTINATION, Wanted(ENDPOINT))
        known.confirm(bind(known, led, SOURCE, Wanted(NODE)))
        gone = translate(track(ping(source, "10.96.0.1"), known, sysctls), "POSTROUTING").packet
        assert (str(gone.src), gone.echo_id) == ("10.128.0.11", number)
        back = track(ping("10.244.1.10", "10.128.0.11", number, (0, 0)), known, sysctls)
        answer = translate(back, "PREROUTING").packet
        assert (str(answer.dst), answer.echo_id) == (source, 0)
        error = Packet("icmp", "10.244.1.1", "10.128.0.11", icmp=(3, 1), inner=there(number))
        quoted = translate(track(Skb.of(error), known, sysctls), "PREROUTING").inner
        assert quoted == there(0, source)


def test_an_error_about_an_answer_quotes_the_id_that_its_reader_knows() -> None:
    """From a router near the client, on its way to the endpoint: the answer as that one sent it, with the id that nat drew."""
    known, sysctls = Conntrack(), Sysctls()
    for source in ("10.0.0.5", "10.0.0.6"):
        flow = track(ping(source, "10.244.1.10"), known, sysctls).flow
        assert flow is not None
        assert flow.connection is not None
        known.confirm(bind(known, bind(known, flow.connection, DESTINATION), SOURCE, Wanted(NODE)))
    for number, client in enumerate(("10.0.0.5", "10.0.0.6")):
        answer = ping("10.244.1.10", client, icmp=(0, 0)).packet
        error = Packet("icmp", "10.0.0.1", "10.244.1.10", icmp=(3, 1), inner=answer)
        found = translate(track(Skb.of(error), known, sysctls), "POSTROUTING")
        assert found.inner == ping("10.244.1.10", "10.128.0.11", number, (0, 0)).packet
