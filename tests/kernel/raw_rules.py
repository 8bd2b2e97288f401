"""Rules of a host, drawn at random: every match and target whose answer a lab can know, in each table and hook where iptables takes it.

Their addresses are those that `raw_hosts` sends packets from and to, so that most rules match now and then.

Left out are, by name: `limit`, `hashlimit`, `connlimit`, `quota` and `statistic --mode nth`, which remember what other flows did; `recent`, for
the same; `mac`, `nfacct`, `set`, `socket` and `owner` of a user, which need what nobody has given the host; the target TCPMSS, for flows are known
by that number; TPROXY, which is not modelled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.tables import BASE_CHAINS

PORTS = (22, 53, 80, 81, 443, 5353, 8080)
TABLES = ("raw", "mangle", "nat", "filter")
TABLE_CHOICES = (
    ("nat",),
    ("filter",),
    ("nat", "filter"),
    ("mangle", "filter"),
    ("mangle", "nat", "filter"),
    TABLES,
)
TRIES = 50
"""Rules that are drawn until iptables takes one."""


@dataclass(frozen=True)
class Place:
    """Where a rule stands: a table, the hooks from which its chain is reached, a family's addresses by name and its networks."""

    random: Random
    table: str
    hooks: tuple[str, ...]
    version: int
    addresses: dict[str, str]
    networks: tuple[str, ...]

    @property
    def family(self) -> Family:
        return "ipv4" if self.version == 4 else "ipv6"

    @property
    def icmp(self) -> str:
        return "icmp" if self.version == 4 else "ipv6-icmp"

    @property
    def bits(self) -> int:
        return 32 if self.version == 4 else 128

    def one_of(self, *words: str) -> str:
        return self.random.choice(words)

    def address(self, *names: str) -> str:
        return self.addresses[self.random.choice(names)]

    def port(self) -> int:
        return self.random.choice(PORTS)

    def maybe_not(self) -> str:
        return self.random.choice(("", "", "! "))

    def bracketed(self, address: str) -> str:
        return address if self.version == 4 else f"[{address}]"


# matches

DIALLED = ("vip1", "vip2", "vip3", "internal", "pod1", "away", "on-loopback", "second")


def _source(at: Place) -> str:
    return f"{at.maybe_not()}-s {at.random.choice(at.networks)}"


def _destination(at: Place) -> str:
    return f"{at.maybe_not()}-d {at.random.choice(at.networks)}"


def _dialled(at: Place) -> str:
    return f"-d {at.address(*DIALLED)}"


def _protocol(at: Place) -> str:
    return f"-p {at.one_of('tcp', 'udp', at.icmp, 'sctp')}"


def _ports(at: Place) -> str:
    protocol = at.one_of("tcp", "udp")
    return f"-p {protocol} -m {protocol} --dport {at.port()}"


def _source_port(at: Place) -> str:
    protocol = at.one_of("tcp", "udp")
    return (
        f"-p {protocol} -m {protocol} {at.maybe_not()}--sport {at.one_of(str(at.port()), '1024:', ':1023')}"
    )


def _many_ports(at: Place) -> str:
    protocol, which = at.one_of("tcp", "udp", "sctp"), at.one_of("dports", "sports", "ports")
    return f"-p {protocol} -m multiport {at.maybe_not()}--{which} {at.port()},{at.port()},8000:9000"


def _flags(at: Place) -> str:
    return (
        f"-p tcp -m tcp {at.maybe_not()}--tcp-flags SYN,RST,ACK {at.one_of('SYN', 'RST', 'ACK', 'SYN,ACK')}"
    )


def _icmp_type(at: Place) -> str:
    if at.version == 4:
        return f"-p icmp -m icmp {at.maybe_not()}--icmp-type {at.one_of('8', '0', '3', '3/3', '11')}"
    return f"-p ipv6-icmp -m icmp6 {at.maybe_not()}--icmpv6-type {at.one_of('128', '129', '1', '1/4', '3')}"


def _way_in(at: Place) -> str:
    return f"{at.maybe_not()}-i {at.one_of('eth0', 'veth+', 'cbr0', 'lo', 'eth+', 'veth1')}"


def _way_out(at: Place) -> str:
    return f"{at.maybe_not()}-o {at.one_of('eth0', 'veth+', 'cbr0', 'lo', 'veth0')}"


def _range(at: Place) -> str:
    low, high = sorted((at.address("vip1", "pod1"), at.address("vip3", "pod2")), key=lambda text: text)
    return f"-m iprange {at.maybe_not()}--{at.one_of('src', 'dst')}-range {low}-{high}"


def _mark(at: Place) -> str:
    return f"-m mark {at.maybe_not()}--mark {at.one_of('0x1/0x1', '0x2', '0x0')}"


def _connection_mark(at: Place) -> str:
    return f"-m connmark {at.maybe_not()}--mark {at.one_of('0x1', '0x2/0x2', '0x0')}"


STATES = ("NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "DNAT", "SNAT", "UNTRACKED")
STATUSES = ("SEEN_REPLY", "ASSURED", "CONFIRMED", "EXPECTED")


def _state(at: Place) -> str:
    return f"-m conntrack {at.maybe_not()}--ctstate {at.one_of(*STATES)}"


def _connection(at: Place) -> str:
    no = at.maybe_not()
    end = at.one_of("orig", "repl") + at.one_of("src", "dst")
    known = at.address("vip1", "internal", "pod1", "pod2", "away", "client", "second")
    asked = at.random.choice(
        (
            f"{no}--ctstatus {at.one_of(*STATUSES)}",
            f"--ctdir {at.one_of('ORIGINAL', 'REPLY')}",
            f"{no}--ctproto {at.one_of('tcp', 'udp', at.icmp)}",
            f"{no}--ct{end} {known}",
            f"--ctproto {at.one_of('tcp', 'udp')} {no}--ct{end}port {at.port()}",
        )
    )
    return f"-m conntrack {asked}"


def _type(at: Place) -> str:
    kind = at.one_of("LOCAL", "LOCAL", "UNICAST", "UNREACHABLE" if at.version == 6 else "BROADCAST")
    limit = at.one_of("", "", "", "in" if at.hooks[0] in ("PREROUTING", "INPUT") else "out")
    more = f" --limit-iface-{limit}" if limit else ""
    return f"-m addrtype {at.maybe_not()}--{at.one_of('dst', 'src')}-type {kind}{more}"


def _bridge_port(at: Place) -> str:
    return f"-m physdev {at.maybe_not()}--physdev-{at.one_of('is-in', 'is-out', 'is-bridged')}"


def _left(at: Place) -> str:
    name = "ttl" if at.version == 4 else "hl"
    return f"-m {name} --{name}-{at.one_of('lt', 'gt', 'eq')} {at.one_of('62', '63', '64')}"


def _kind(at: Place) -> str:
    return f"-m pkttype {at.maybe_not()}--pkt-type {at.one_of('unicast', 'broadcast')}"


def _way_back(at: Place) -> str:
    return f"-m rpfilter {at.one_of('', '--loose', '--accept-local')} {at.one_of('', '--invert')}"


def _chance(at: Place) -> str:
    return "-m statistic --mode random --probability 0.5" if at.table == "nat" else ""


def _fixed(at: Place) -> str:
    """What is the same for every packet."""
    return at.one_of("-m policy --dir in --pol none", "-m helper --helper ftp", "-m comment --comment drawn")


MATCHES: tuple[Callable[[Place], str], ...] = (
    _source, _destination, _dialled, _dialled, _protocol, _ports, _ports, _ports, _source_port, _many_ports, _flags,
    _icmp_type, _way_in, _way_out, _range, _mark, _connection_mark, _state, _state, _connection, _connection, _type,
    _bridge_port, _left, _kind, _way_back, _chance, _fixed,
)  # fmt: skip


# targets


def _raw_target(at: Place) -> str:
    return at.one_of("-j NOTRACK", "-j CT --notrack", "", "", "-j ACCEPT")


def _mangle_target(at: Place) -> str:
    name = "TTL --ttl" if at.version == 4 else "HL --hl"
    return at.one_of(
        "",
        "-j MARK --set-xmark 0x1/0x1",
        "-j MARK --set-xmark 0x2/0xffffffff",
        "-j MARK --xor-mark 0x3",
        "-j CONNMARK --save-mark",
        "-j CONNMARK --restore-mark",
        "-j CONNMARK --set-xmark 0x2/0x2",
        f"-j {name}-{at.one_of('set 1', 'set 2', 'dec 1', 'dec 62', 'inc 3')}",
        "-j DSCP --set-dscp 0x0a",
        at.one_of("", "", "-j DROP"),
        "-j ACCEPT",
    )


REFUSALS = {
    4: ("net-unreachable", "host-unreachable", "proto-unreachable", "port-unreachable", "net-prohibited", "host-prohibited", "admin-prohibited"),
    6: ("no-route", "adm-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route"),
}  # fmt: skip


def _filter_target(at: Place) -> str:
    kind = f"{'icmp' if at.version == 4 else 'icmp6'}-{at.one_of(*REFUSALS[at.version])}"
    refusal = at.one_of(f"-j REJECT --reject-with {kind}", "-p tcp -j REJECT --reject-with tcp-reset")
    return at.one_of("", "", "-j ACCEPT", "-j ACCEPT", "-j DROP", refusal, refusal, "-j RETURN")


LED_TO = ("pod1", "pod1", "pod2", "pod2", "away", "away", "internal", "other-node", "on-loopback", "loopback", "nobody", "refused", "client2", "gateway")  # fmt: skip
GIVEN = ("internal", "second", "on-loopback", "local-route", "other", "far")


def _protocol_for_ports(at: Place) -> str:
    return f"-p {at.one_of('tcp', 'udp')}"


def _destination_target(at: Place) -> str:
    address, protocol = at.address(*LED_TO), _protocol_for_ports(at)
    at_port = f"{at.bracketed(address)}:{at.port()}"
    return at.one_of(
        f"-j DNAT --to-destination {address}",
        f"-j DNAT --to-destination {address}",
        f"{protocol} -j DNAT --to-destination {at_port}",
        f"{protocol} -j DNAT --to-destination {at_port}",
        f"{protocol} -j DNAT --to-destination :{at.port()}",
        f"{protocol} -j DNAT --to-destination {at.bracketed(address)}:8080-8083",
        f"-j DNAT --to-destination {at.addresses['pod1']}-{at.addresses['pod2']}{at.one_of('', ' --persistent')}",
        "-j REDIRECT",
        f"{protocol} -j REDIRECT --to-ports {at.port()}",
        f"{protocol} -j REDIRECT --to-ports 8080-8083{at.one_of('', '', ' --random')}",
        f"-j NETMAP --to {address}/{at.bits}",
        f"-j NETMAP --to {address}/{at.bits - 8}",
        "-j ACCEPT",
    )


def _source_target(at: Place) -> str:
    address, protocol = at.address(*GIVEN), _protocol_for_ports(at)
    drawn = at.one_of("", "", "", " --random", " --random-fully")
    source = at.one_of(
        f"-j SNAT --to-source {address}{drawn}",
        f"{protocol} -j SNAT --to-source {at.bracketed(address)}:4000-30000{drawn}",
        f"-j SNAT --to-source {at.addresses['far']}-{at.addresses['farther']}{at.one_of('', ' --persistent')}",
        f"-j NETMAP --to {address}/{at.bits}",
        f"-j NETMAP --to {address}/{at.bits - 8}",
        "-j ACCEPT",
    )
    masquerade = at.one_of(f"-j MASQUERADE{drawn}", f"{protocol} -j MASQUERADE --to-ports 3000-30000{drawn}")
    return at.one_of(source, masquerade) if at.hooks == ("POSTROUTING",) else source


def _nat_target(at: Place) -> str:
    if set(at.hooks) <= {"PREROUTING", "OUTPUT"}:
        return _destination_target(at)
    return _source_target(at) if set(at.hooks) <= {"INPUT", "POSTROUTING"} else ""


TARGETS = {"raw": _raw_target, "mangle": _mangle_target, "nat": _nat_target, "filter": _filter_target}


# rules, chains, tables


def draw_rules(random: Random, version: int, addresses: dict[str, str], networks: tuple[str, ...]) -> str:
    """Text for iptables-restore."""
    lines: list[str] = []
    for table in random.choice(TABLE_CHOICES):
        lines += [f"*{table}", *_table(random, table, version, addresses, networks), "COMMIT"]
    return "\n".join([*lines, ""])


def _table(
    random: Random, table: str, version: int, addresses: dict[str, str], networks: tuple[str, ...]
) -> list[str]:
    """Base chains, and chains of the user: each is reached from one base chain or from all, and leads to later ones only."""
    bases = BASE_CHAINS[table]
    homes: dict[str, tuple[str, ...]] = {base: (base,) for base in bases}
    for number in range(random.choice((0, 0, 1, 2))):
        homes[f"C{number}"] = random.choice((tuple(bases), *((base,) for base in bases)))
    lines = [f":{chain} {_policy(random, table, chain)} [0:0]" for chain in homes]
    names = list(homes)
    for place, chain in enumerate(names):
        home = homes[chain]
        later = [one for one in names[max(place + 1, len(bases)) :] if {*home} <= {*homes[one]}]
        jumps = [f"{word} {one}" for one in later for word in ("-j", "-g")]
        at = Place(random, table, home, version, addresses, networks)
        lines += [_rule(at, chain, jumps) for _ in range(random.randrange(5 if table != "raw" else 3))]
        if jumps:
            lines.append(_rule(at, chain, jumps, jumps_for_sure=True))
    return lines


def _policy(random: Random, table: str, chain: str) -> str:
    if chain.startswith("C"):
        return "-"
    return "DROP" if table == "filter" and random.random() < 0.1 else "ACCEPT"


def _rule(at: Place, chain: str, jumps: list[str], *, jumps_for_sure: bool = False) -> str:
    """One that iptables takes in this chain."""
    for _ in range(TRIES):
        matches = [at.random.choice(MATCHES)(at) for _ in range(at.random.choice((0, 1, 1, 1, 2)))]
        target = at.random.choice(jumps) if jumps_for_sure else TARGETS[at.table](at)
        text = _together(matches, target)
        if text is not None and _is_taken(at, text):
            return f"-A {chain} {text}"
    return f"-A {chain}"


def _together(matches: list[str], target: str) -> str | None:
    """None if a word would be there twice, or if everything were refused or dropped."""
    if not any(matches) and target.startswith(("-j REJECT", "-j DROP", "-j NOTRACK", "-j CT")):
        return None
    words = " ".join([*matches, target]).split()
    options = [word for word in words if word.startswith("-") and word != "-m"]
    modules = [words[place + 1] for place, word in enumerate(words) if word == "-m"]
    if len({*options, *modules}) < len([*options, *modules]):
        return None
    first = [one for one in (*matches, target) if one.startswith("-p ")]
    rest = [one for one in (*matches, target) if one and not one.startswith("-p ")]
    return " ".join([*first, *rest])


def _is_taken(at: Place, rule: str) -> bool:
    declared = "".join(f":C{number} - [0:0]\n" for number in range(3) if f" C{number}" in f" {rule}")
    lines = "".join(f"-A {base} {rule}\n" for base in at.hooks)
    try:
        Ruleset.from_save(f"*{at.table}\n{declared}{lines}COMMIT\n", at.family)
    except InputError:
        return False
    return True
