"""What is said between a test and the process that holds its namespaces: plain data, sent as lines of JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class HostPlan:
    """One network stack. `sysctls` are set before it has devices, `late_sysctls` afterwards; `ip` are lines for `ip -batch`.

    `rules` is the text for iptables-restore by family ("ipv4", "ipv6"); `listen` are the sockets of its processes: protocol, address ("" for
    all), port.
    """

    sysctls: dict[str, str] = field(default_factory=dict)
    ip: list[str] = field(default_factory=list)
    rules: dict[str, str] = field(default_factory=dict)
    listen: list[tuple[str, str, int]] = field(default_factory=list)
    late_sysctls: dict[str, str] = field(default_factory=dict)


@dataclass
class Cable:
    """A veth pair: two ends, each a host, a device and a MAC address."""

    ends: list[tuple[str, str, str]]


@dataclass
class Switch:
    """A segment with more than two ends: a bridge that knows nothing of netfilter. Each port is a host, a device and a MAC address."""

    ports: list[tuple[str, str, str]]


@dataclass
class Plan:
    """A whole lab. `backend` is "nft" or "legacy"."""

    backend: str
    hosts: dict[str, HostPlan] = field(default_factory=dict)
    cables: list[Cable] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Plan":
        return cls(
            data["backend"],
            {name: HostPlan(**host) for name, host in data["hosts"].items()},
            [Cable(**cable) for cable in data["cables"]],
            [Switch(**switch) for switch in data["switches"]],
        )


@dataclass(frozen=True)
class Flow:
    """A packet to be sent from a host.

    `flags` make it a raw TCP packet ("SYN,ACK"); without them a socket sends it. A ping ("icmp") has no ports; SCTP is an INIT that no socket sends.

    `uid` and `gid` are those of the process whose socket sends it, `mark` is what it marks it with (SO_MARK). `patience` is how long to wait, in seconds, for something to come back.
    `ttl` is the time to live, or hop limit. A socket that is `held` stays open whatever it is told, for more to be sent from it.
    """

    host: str
    protocol: str
    src: str
    sport: int
    dst: str
    dport: int
    flags: str = ""
    patience: float = 0.9
    uid: int = 0
    gid: int = 0
    held: bool = False
    mark: int = 0
    ttl: int = 64

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Arrival:
    """The first packet, as a host's own protocol stack was handed it."""

    host: str
    src: str
    sport: int
    dst: str
    dport: int


@dataclass(frozen=True)
class Seen:
    """What came of a flow.

    `client` is what its sender was told; `chosen` the source address that an unbound socket takes, "" if it cannot connect; `errors` the ICMP
    errors that reached the sender: type, code, source; `counters` how often each rule was counted: (host, "nat/CHAIN/3"), 0 for the policy.
    """

    client: str
    chosen: str
    arrivals: tuple[Arrival, ...]
    errors: tuple[tuple[int, int, str], ...]
    counters: dict[tuple[str, str], int]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Seen":
        return cls(
            data["client"],
            data["chosen"],
            tuple(Arrival(**one) for one in data["arrivals"]),
            tuple((kind, code, source) for kind, code, source in data["errors"]),
            {(host, at): count for host, at, count in data["counters"]},
        )
