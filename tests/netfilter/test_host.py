"""A host's own word: what listens, what its protocols do with what is new, from which address it speaks."""

from ipaddress import ip_address, ip_interface

import pytest

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.host import DeviceSettings, Host, Socket, Sysctls
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.sets import AddressSet
from kproxysim.netfilter.skb import Skb
from kproxysim.packet import Packet

OWN, OTHER, CLIENT = "10.128.0.12", "10.128.0.13", "10.44.0.5"
OWN6, OTHER6, CLIENT6 = "fd00:10::12", "fd00:10::13", "fd00:44::5"


def number(address: str) -> int:
    return int(ip_address(address))


def host(*sockets: Socket) -> Host:
    table = RoutingTable()
    table.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
    own = (f"{OWN}/24", f"{OTHER}/24", "10.129.0.12/24", f"{OWN6}/64")
    table.add_interface(Interface("eth0", tuple(map(ip_interface, own))))
    table.add_interface(Interface("v0", (ip_interface("10.55.0.1/32"), ip_interface("fd00:55::1/128"))))
    for address, length, version, device, via, src, kind in (
        (CLIENT, 32, 4, "v0", None, None, "unicast"),
        ("10.60.0.0", 16, 4, "eth0", OTHER, OTHER, "unicast"),
        ("10.61.0.0", 16, 4, "v0", "10.128.0.1", None, "unicast"),
        ("10.65.0.0", 16, 4, "eth0", "10.129.0.1", None, "unicast"),
        ("10.62.0.0", 16, 4, "", None, None, "unreachable"),
        ("10.63.0.0", 16, 4, "", None, OWN, "blackhole"),
        ("10.64.0.0", 16, 4, "", None, OWN, "prohibit"),
        ("198.51.100.7", 32, 4, "eth0", None, None, "local"),
        (CLIENT6, 128, 6, "v0", None, None, "unicast"),
        ("fd00:60::", 64, 6, "eth0", None, "fd00:55::1", "unicast"),
        ("fd00:77::7", 128, 6, "eth0", None, None, "local"),
    ):
        next_hop, source = (None if one is None else number(one) for one in (via, src))
        table.add(Route(number(address), length, version, device, next_hop, source, kind))
    return Host("n", table, sockets=frozenset(sockets))


EVERYWHERE = (Socket("tcp", 80), Socket("udp", 53), Socket("sctp", 132))
HERE = tuple(Socket(one.protocol, one.port, number(OWN)) for one in EVERYWHERE)


@pytest.mark.parametrize(
    "sockets, protocol, address, port, wanted",
    [
        (EVERYWHERE, "tcp", OWN, 80, True),
        (EVERYWHERE, "tcp", OTHER, 80, True),
        (EVERYWHERE, "udp", OWN, 80, False),
        (EVERYWHERE, "tcp", OWN, 81, False),
        (HERE, "tcp", OWN, 80, True),
        (HERE, "tcp", OTHER, 80, False),
        (HERE, "tcp", OWN, 53, False),
        ((), "tcp", OWN, 80, False),
    ],
)
def test_who_listens(
    sockets: tuple[Socket, ...], protocol: str, address: str, port: int, wanted: bool
) -> None:
    assert host(*sockets).listens(protocol, number(address), port) is wanted


PORTS = {"tcp": 80, "udp": 53, "sctp": 132}


@pytest.mark.parametrize(
    "protocol, flags, listening, nobody",
    [
        # tcp_rcv_state_process in LISTEN; tcp_v4_rcv where there is no socket resets all but a reset
        ("tcp", "SYN", "accept", "refuse"),
        ("tcp", "SYN,ECE", "accept", "refuse"),
        ("tcp", "SYN,FIN", "drop", "refuse"),
        ("tcp", "ACK", "reset", "refuse"),
        ("tcp", "SYN,ACK", "reset", "refuse"),
        ("tcp", "FIN,ACK", "reset", "refuse"),
        ("tcp", "FIN", "drop", "refuse"),
        ("tcp", "PSH", "drop", "refuse"),
        ("tcp", "RST", "drop", "drop"),
        ("tcp", "RST,ACK", "drop", "drop"),
        ("udp", "", "accept", "refuse"),
        # sctp_sf_do_5_1B_init, sctp_sf_do_5_1D_ce; sctp_sf_ootb and sctp_sf_discard_chunk for others
        ("sctp", "INIT", "accept", "refuse"),
        ("sctp", "COOKIE_ECHO", "accept", "refuse"),
        ("sctp", "DATA", "reset", "refuse"),
        ("sctp", "ABORT", "drop", "refuse"),
    ],
)
def test_what_a_port_does(protocol: str, flags: str, listening: str, nobody: str) -> None:
    packet = Skb.of(Packet(protocol, CLIENT, OWN, 4000, PORTS[protocol], flags))
    assert (host(*EVERYWHERE).reaction(packet), host().reaction(packet)) == (listening, nobody)


@pytest.mark.parametrize(
    "packet, wanted",
    [
        (Packet("icmp", CLIENT, OWN, icmp=(8, 0)), "accept"),
        (Packet("ipv6-icmp", CLIENT6, OWN6, icmp=(128, 0)), "accept"),
        (Packet("icmp", CLIENT, OWN, icmp=(0, 0)), "drop"),
        (Packet("icmp", CLIENT, OWN, icmp=(3, 3)), "drop"),
        (Packet("ipv6-icmp", CLIENT6, OWN6, icmp=(129, 0)), "drop"),
        (Packet("icmp", CLIENT, "10.128.0.255", icmp=(8, 0)), "ignore"),  # icmp_echo_ignore_broadcasts
        (Packet("tcp", CLIENT, "10.128.0.255", 4000, 80), "ignore"),
        (Packet("gre", CLIENT, OWN), "refuse"),
        (Packet("tcp", CLIENT6, OWN6, 4000, 80), "accept"),
    ],
    ids=str,
)
def test_what_the_stack_does(packet: Packet, wanted: str) -> None:
    assert host(*EVERYWHERE).reaction(Skb.of(packet)) == wanted


@pytest.mark.parametrize(
    "to, source",
    [
        ("10.128.0.99", OWN),
        (OTHER, OWN),  # the primary address of the same network
        (CLIENT, "10.55.0.1"),
        ("10.60.1.1", OTHER),  # the route says so
        ("10.61.1.1", "10.55.0.1"),
        ("10.65.1.1", "10.129.0.12"),  # the address in the network of the next hop
        ("198.51.100.7", "198.51.100.7"),
        ("127.0.0.5", "127.0.0.1"),
        ("10.62.1.1", None),
        ("10.63.1.1", None),
        ("10.64.1.1", None),
        ("203.0.113.9", None),
        (OWN6, OWN6),
        ("::1", "::1"),
        ("fd00:10::99", OWN6),
        (CLIENT6, "fd00:55::1"),
        ("fd00:60::9", "fd00:55::1"),
        ("fd00:77::7", OWN6),  # of type local, and no address of a device: nothing is sent from it
        ("2001:db8::1", None),
    ],
)
def test_from_which_address_it_dials(to: str, source: str | None) -> None:
    """`ip_route_output_key_hash`, `inet_select_addr`; `ip6_route_output`, `ipv6_dev_get_saddr`."""
    found = host().source_for(number(to), ip_address(to).version)
    assert found == (None if source is None else number(source))


def test_settings_of_a_device_go_before_those_of_all() -> None:
    strict = DeviceSettings(rp_filter=1)
    settings = Sysctls(any_device=DeviceSettings(rp_filter=2), devices={"eth0": strict})
    assert [settings.of(device).rp_filter for device in ("eth0", "eth1")] == [1, 2]
    assert Sysctls().of("eth0") == DeviceSettings()


def test_what_a_host_tells_apart() -> None:
    """Ports and addresses that something here is about stand alone; what lies between is alike."""
    mine = host(
        Socket("tcp", 7000, number(OTHER)), Socket("udp", 7003), Socket("tcp", 80, number("fd00:99::1"))
    )
    mine.sets = {"hosts": AddressSet(["192.0.2.77"])}
    cuts = Cuts()
    mine.cut(cuts)
    ports, four, six = cuts.port_atoms(), cuts.atoms(4), cuts.atoms(6)
    assert [port for port in range(6990, 7010) if ports.is_single(port)] == [7000, 7003]
    assert [ports.number(one) for one in (511, 512, 1023, 1024)] == sorted(
        {ports.number(one) for one in (511, 512, 1023, 1024)}
    )
    assert all(four.is_single(number(one)) for one in (OWN, OTHER, CLIENT, "192.0.2.77", "198.51.100.7"))
    assert not four.is_single(number("192.0.2.78"))
    assert six.is_single(number("fd00:99::1"))
    assert six.is_single(number("fd00:77::7"))
    assert six.is_single(number(OTHER))  # a socket's address stands without its family
    assert not six.is_single(number("fd00:99::2"))
