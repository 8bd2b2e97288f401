"""Which port of a bridge a packet came by, and whether it leaves by one: what `-m physdev` is asked about."""

from ipaddress import ip_address, ip_interface

import pytest

from kproxysim.netfilter.bridging import by_bridge, is_redirected
from kproxysim.netfilter.conntrack import Connection, CtState, Flow, Tuple
from kproxysim.netfilter.host import Host, Sysctls
from kproxysim.netfilter.routing import Interface, RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.packet import Packet

ONE, OTHER = "10.55.0.5", "10.55.0.6"
ONE6, OTHER6 = "fd00:55::5", "fd00:55::6"
OUTSIDE, SERVICE = "198.51.100.9", "10.96.0.1"


def host(sysctls: Sysctls | None = None) -> Host:
    table = RoutingTable()
    addresses = (ip_interface("10.55.0.1/24"), ip_interface("fd00:55::1/64"))
    table.add_interface(Interface("br0", addresses, is_bridge=True))
    table.add_interface(Interface("eth0", (ip_interface("10.128.0.12/24"),), is_bridge=False))
    table.add_interface(Interface("who0"))
    return Host("n", table, sysctls=sysctls or Sysctls())


def crossing(src: str, dst: str, iif: str, oif: str, flow: Flow | None = None) -> Skb:
    skb = Skb.of(Packet("tcp", src, dst, 4000, 80), iif=iif, oif=oif)
    return skb if flow is None else skb.with_flow(flow)


def flow(original: tuple[str, str], reply: tuple[str, str], *, is_reply: bool = False) -> Flow:
    """Of a connection, by source and destination of both directions."""
    client, dialled, server, back = (int(ip_address(one)) for one in original + reply)
    entry = Connection(1, Tuple("tcp", client, 4000, dialled, 80), Tuple("tcp", server, 80, back, 4000))
    return Flow(CtState.NEW, entry, is_reply)


TRANSLATED = flow((ONE, SERVICE), (OTHER, ONE))
STRAIGHT = flow((ONE, OTHER), (OTHER, ONE))
NEITHER, IN, BOTH = (False, False), (True, False), (True, True)


@pytest.mark.parametrize(
    "src, dst, iif, oif, known, wanted",
    [
        (ONE, OTHER, "br0", "br0", None, BOTH),
        ("10.55.0.0", "10.55.0.255", "br0", "br0", None, BOTH),  # both ends of its network are on the link
        ("10.55.0.255", "10.55.0.0", "br0", "br0", None, BOTH),
        (ONE6, OTHER6, "br0", "br0", None, BOTH),
        (ONE, OUTSIDE, "br0", "eth0", None, IN),
        (ONE, OTHER, "br0", "", None, IN),  # before routing
        (OUTSIDE, ONE, "eth0", "br0", None, NEITHER),  # routed onto it: no port yet
        (OUTSIDE, ONE, "eth0", "eth0", None, NEITHER),
        (ONE, OTHER, "", "br0", None, NEITHER),  # of its own
        (ONE, OTHER, "lo", "lo", None, NEITHER),
        (ONE, OTHER, "who0", "br0", None, None),  # nobody said whether this is a bridge
        (ONE, OTHER, "gone0", "br0", None, None),
        (ONE, OTHER, "br0", "br0", TRANSLATED, BOTH),
        (ONE, OUTSIDE, "br0", "br0", TRANSLATED, BOTH),
        # a host of another network behind it: the frame may have been for the bridge, or for a port
        (ONE, OUTSIDE, "br0", "br0", None, None),
        (OUTSIDE, ONE, "br0", "br0", None, None),
        (ONE, "10.54.255.255", "br0", "br0", None, None),
        (ONE, "10.56.0.0", "br0", "br0", None, None),
        (ONE6, "fd00:56::1", "br0", "br0", None, None),
    ],
)
def test_the_ports_of_a_packet(
    src: str, dst: str, iif: str, oif: str, known: Flow | None, wanted: tuple[bool, bool] | None
) -> None:
    """`br_nf_pre_routing`, `br_nf_pre_routing_finish`."""
    assert by_bridge(host(), crossing(src, dst, iif, oif, known)) == wanted


@pytest.mark.parametrize("four", [False, True])
@pytest.mark.parametrize("six", [False, True])
def test_rules_see_what_a_bridge_carries_where_the_setting_of_the_family_says_so(
    four: bool, six: bool
) -> None:
    """`net.bridge.bridge-nf-call-iptables` and `-ip6tables`."""
    seen = host(Sysctls(bridge_iptables=four, bridge_ip6tables=six))
    assert by_bridge(seen, crossing(ONE, OTHER, "br0", "br0")) == (BOTH if four else NEITHER)
    assert by_bridge(seen, crossing(ONE6, OTHER6, "br0", "br0")) == (BOTH if six else NEITHER)


@pytest.mark.parametrize(
    "src, dst, known, wanted",
    [
        (ONE, OTHER, None, False),
        (ONE, OTHER, Flow(CtState.UNTRACKED), False),
        (ONE, OTHER, STRAIGHT, False),
        (ONE, SERVICE, TRANSLATED, False),  # not translated yet
        (ONE, OTHER, TRANSLATED, True),
        (OTHER, ONE, flow((ONE, SERVICE), (OTHER, ONE), is_reply=True), False),
        (OTHER, "10.55.0.1", flow((ONE, OTHER), (OTHER, "10.55.0.1"), is_reply=True), False),
        (
            OTHER,
            ONE,
            flow((ONE, OTHER), (OTHER, "10.55.0.1"), is_reply=True),
            True,
        ),  # that of a masqueraded one
    ],
)
def test_whether_the_destination_was_translated(src: str, dst: str, known: Flow | None, wanted: bool) -> None:
    """`daddr_was_changed`: against what the tuple of the packet's own direction has."""
    assert is_redirected(crossing(src, dst, "br0", "br0", known)) is wanted
