"""The shape of a scenario file. Whether the names in it are known is checked in `crosscheck`.

Every field has its description here: the JSON Schema and docs/scenario-format.md are held to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from kproxysim.cluster import KubeProxyConfiguration, NodeFacts
from kproxysim.cluster.base import CidrText, Flag, IpText, Port
from kproxysim.errors import InputError
from kproxysim.kubeproxy.versions import minor_of
from kproxysim.netfilter.matches.ports import TCP_FLAGS
from kproxysim.scenario.expectation import Expectation
from kproxysim.scenario.forms import Manifest, Name, ScenarioModel, TextOrList, as_list
from kproxysim.scenario.mistakes import mistake
from kproxysim.scenario.openings import Opening
from kproxysim.scenario.step_form import StepForm
from kproxysim.scenario_mark import SCENARIO

if TYPE_CHECKING:
    import random

    from kproxysim.network import Exchange, Trace, World
    from kproxysim.packet import Packet

__all__ = [
    "FORMAT",
    "CloudForm",
    "KubeProxyForm",
    "NodeForm",
    "PacketForm",
    "PodForm",
    "ScenarioFile",
]

FORMAT = 1
"""The version of the format. A file of another version is not read: it may mean something else."""

_ICMP = re.compile(r"([0-9]{1,3})(?:/([0-9]{1,3}))?\Z")
_SOCKET = re.compile(r"(?:tcp|udp|sctp)/([0-9]{1,5})\Z")


def _socket(text: str) -> str:
    match = _SOCKET.match(text)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise mistake("KPS113", f"{text!r} is no socket of a pod", "write tcp/8080")
    return text


def _flags(value: Any) -> Any:
    """TCP flags as a list or with commas, in the order of the header; "none" for none at all."""
    names = [one.strip() for one in value.split(",")] if isinstance(value, str) else value
    if names == ["none"]:
        return "NONE"
    if not isinstance(names, list | tuple) or not names or any(one not in TCP_FLAGS for one in names):
        known = ", ".join(TCP_FLAGS)
        raise mistake("KPS103", f"{value!r} are no TCP flags", f"write some of {known}; or none")
    return ",".join(one for one in TCP_FLAGS if one in names)


def _icmp(value: Any) -> Any:
    """An ICMP type, `13`, or type and code, `3/1`."""
    match = _ICMP.match(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None or int(match[1]) > 255 or int(match[2] or 0) > 255:
        raise mistake("KPS103", f"{value!r} is no ICMP type", "write TYPE or TYPE/CODE: 13, 8/0")
    return int(match[1]), int(match[2] or 0)


def _mark(value: Any) -> Any:
    """A number of 32 bits, in hexadecimal as rules have it or not."""
    try:
        mark = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        mark = None
    if type(mark) is not int or not 0 <= mark < 1 << 32:
        raise mistake("KPS103", f"{value!r} is no mark", "write a number of 32 bits: 0x1")
    return mark


def _some_packets(value: Any) -> Any:
    if value == {}:
        raise mistake("KPS102", "there is no packet here", "write NAME: {from: ..., to: ...}")
    return value


def _version_text(value: Any) -> Any:
    if isinstance(value, int | float):
        raise mistake("KPS103", "version must be text, and this is a number", 'put it in quotes: "1.30"')
    return value


def _known_version(text: str) -> str:
    try:
        minor_of(text)
    except InputError as error:
        diagnostic = error.diagnostics[0]
        raise mistake(diagnostic.code, diagnostic.message, diagnostic.help) from None
    return text


def _known_format(value: Any) -> Any:
    if type(value) is not int or value != FORMAT:
        raise mistake(
            "KPS601", f"{value!r} is no version of this format that is known", f"write scenario: {FORMAT}"
        )
    return value


_Addresses = Annotated[tuple[IpText, ...], BeforeValidator(as_list), TextOrList]
_Prefixes = Annotated[tuple[CidrText, ...], BeforeValidator(as_list), TextOrList]
_PodSocket = Annotated[
    str, AfterValidator(_socket), Field(json_schema_extra={"pattern": "^(tcp|udp|sctp)/[0-9]{1,5}$"})
]
_TcpFlags = Annotated[str, PlainValidator(_flags), TextOrList]
_IcmpType = Annotated[tuple[int, int], PlainValidator(_icmp), WithJsonSchema({"type": ["integer", "string"]})]
_Mark = Annotated[int, PlainValidator(_mark), WithJsonSchema({"type": ["integer", "string"]})]
_AccountId = Annotated[int, Field(strict=True, ge=0, le=0xFFFFFFFE)]
_Version = Annotated[str, BeforeValidator(_version_text), AfterValidator(_known_version)]


class CloudForm(ScenarioModel):
    """What lies between the internet and the nodes."""

    kind: Literal["gce", "nat", "routed"] | None = Field(
        None,
        description="`gce`: Compute Engine. `nat`: a router that translates one to one (Elastic or floating "
        "IPs). `routed`: public addresses reach the nodes unchanged. Without it the Nodes' `spec.providerID` "
        "decides: `gce` or, on AWS and Azure, `nat`; else `routed`.",
    )
    firewall: tuple[Opening, ...] | None = Field(
        None,
        description="What may come in from the internet: `tcp/80`, `tcp/30000-32767`, `udp`, "
        "`tcp/22 from 203.0.113.0/24`. An empty list shuts it. Without the field it is not known: it is "
        "taken as open, and the trace says so.",
    )
    one_to_one: dict[IpText, IpText] | None = Field(
        None,
        description="Public address to internal address, where the edge translates. Without it each node's "
        "external address leads to its internal one.",
    )
    routes: dict[str, str] = Field(
        default_factory=dict,
        description="Address or prefix to the node that the edge sends it to, unchanged.",
    )
    outside: _Addresses = Field(
        (),
        description="The edge's own address on the internet, from which clients there hear of errors; for "
        "two families a list. Without it `gateway`.",
    )
    gateway: _Addresses = Field(
        (),
        description="The edge's own address among the nodes; for two families a list. Without it the first "
        "address of the first node's /24 (/64).",
    )


class KubeProxyForm(ScenarioModel):
    """kube-proxy, the same on all nodes."""

    version: _Version | None = Field(
        None, description='Kubernetes minor, in quotes: `"1.30"`. Without it the newest one that is known.'
    )
    config: KubeProxyConfiguration | None = Field(
        None, description="The fields of a KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1)."
    )


class NodeForm(NodeFacts):
    """A node in short form; or, for a Node that a manifest has, what the API does not know of it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", populate_by_name=False)

    internal: _Addresses = Field((), description="Its InternalIP; for two families a list.")
    external: _Addresses = Field((), description="Its ExternalIP; for two families a list.")
    pod_cidr: _Prefixes = Field(
        (), description="The prefix that its pods' addresses come from; for two families a list."
    )
    zone: str = Field("", description="Its zone (label topology.kubernetes.io/zone).")
    rules: str | None = Field(
        None,
        description="IPv4 rules in place of those that kube-proxy would write: restore text, or the name of "
        "a file with it or with what `iptables-save` printed. An empty text stands for no rules. With one of "
        "`rules` and `rules6` kube-proxy does not run here, and the other family has no rules unless it is "
        "given too.",
    )
    rules6: str | None = Field(None, description="The same for IPv6.")

    @property
    def is_whole(self) -> bool:
        """Does this describe a node by itself, without a Node object?"""
        return bool(self.internal or self.external or self.pod_cidr or self.zone)


class PodForm(ScenarioModel):
    """A pod that no EndpointSlice names, or more of one that does: where it runs, what listens in it."""

    node: Name = Field(description="The node that it runs on.")
    ip: _Addresses = Field(
        (), description="Its address; for two families a list. A pod on its node's network has the node's."
    )
    listening: tuple[_PodSocket, ...] = Field(
        (),
        description="Sockets of its processes: `tcp/8080`. Ports of an EndpointSlice are open anyway.",
    )
    host_network: Flag = Field(False, description="Is it on its node's network?")

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if not self.ip and not self.host_network:
            raise mistake("KPS102", "ip is missing", "give the pod's address, or hostNetwork: true")
        return self


class PacketForm(ScenarioModel):
    """The first packet of a connection."""

    source: Name = Field(
        alias="from",
        description="Who sends it: `internet/203.0.113.7`, `node/node-a`, `pod/default/echo-1`, the address "
        "of a node or pod, or a name from `clients`.",
    )
    to: Name = Field(
        description="What is dialled: `198.51.100.12:80`, `[2001:db8::1]:80`. It is tcp, unless `/udp` or "
        "`/sctp` follows. `198.51.100.12/icmp` is a ping."
    )
    via: str | None = Field(
        None,
        description="The node at which the edge lets it in, where several could take it: those behind a load "
        "balancer's address.",
    )
    sport: Port | None = Field(None, description="The sender's port. Without it one from the usual range.")
    src: IpText | None = Field(
        None, description="Its source address. Without it the one that its sender's socket would take."
    )
    flags: _TcpFlags = Field(
        "",
        description="TCP flags of a packet that no socket sends: `SYN,ACK`; or `none`. Without them it is "
        "the SYN that opens a connection.",
    )
    icmp: _IcmpType | None = Field(
        None, description="ICMP type, or TYPE/CODE, of a packet to ADDRESS/icmp. Without it an echo request."
    )
    ttl: Annotated[int, Field(strict=True, ge=1, le=255)] = Field(
        64, description="The time to live, or hop limit, with which it leaves its sender."
    )
    mark: _Mark = Field(
        0, description="What its socket marks it with (SO_MARK): `0x1`. Its sender's own rules see it."
    )
    uid: _AccountId | None = Field(
        None,
        description="The user, by number, whose process sends it: what `-m owner --uid-owner` asks on its "
        "sender. Without it that is not known.",
    )
    gid: _AccountId | None = Field(None, description="The group of that process, by number.")

    @model_validator(mode="after")
    def _fits_its_protocol(self) -> Self:
        protocol = self.to.rpartition("/")[2].lower() if "/" in self.to else "tcp"
        if self.flags and protocol != "tcp":
            raise mistake("KPS103", f"flags are TCP's, and this is {protocol}", "leave flags out")
        if self.icmp is not None and protocol != "icmp":
            raise mistake(
                "KPS103", f"icmp is a type of ICMP, and this is {protocol}", "write to: ADDRESS/icmp"
            )
        if self.sport is not None and protocol == "icmp":
            raise mistake("KPS103", "icmp has no ports", "leave sport out")
        return self

    def packet_in(self, world: World) -> Packet:
        """The packet as it leaves its sender in a world. Raises InputError as `World.packet` does."""
        return world.packet(
            self.source,
            self.to,
            sport=self.sport,
            src=self.src,
            flags=self.flags,
            icmp=self.icmp,
            ttl=self.ttl,
        )

    def send_in(
        self,
        world: World,
        packet: Packet,
        *,
        via: str | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Trace:
        """What becomes of this packet, made by `packet_in`, in a world. `via`, `pick`, `rng` and what is
        raised: as for `World.send`.
        """
        mark, uid, gid = self.mark, self.uid, self.gid
        return world.send(
            packet, self.source, via=via or self.via, mark=mark, uid=uid, gid=gid, pick=pick, rng=rng
        )

    def open_in(self, world: World, *, pick: str | None = None, rng: random.Random | None = None) -> Exchange:
        """Open a connection by this packet, from a port that its sender has not used if none is given.
        `pick`, `rng` and what is raised: as for `World.open`.
        """
        packet = None if self.sport is None else self.packet_in(world)
        return world.open(
            packet,
            self.source,
            to=self.to,
            via=self.via,
            mark=self.mark,
            uid=self.uid,
            gid=self.gid,
            ttl=self.ttl,
            pick=pick,
            rng=rng,
        )


class ScenarioFile(ScenarioModel):
    """A cluster, what lies around it, packets, and what is to become of them.

    Input and expected outcome stand in one file, which `kproxysim run` replays.
    """

    kind: Literal["Scenario"] = Field(SCENARIO, description="Says what this file is, beside other manifests.")
    scenario: Annotated[Literal[1], BeforeValidator(_known_format)] = Field(
        description="The version of this format."
    )
    about: Name = Field(description="What it shows, in one line.")
    teaches: str = Field("", description="What there is to learn from it, in a paragraph.")
    cloud: CloudForm = Field(
        CloudForm.model_construct(), description="What lies between the internet and the nodes."
    )
    kube_proxy: KubeProxyForm = Field(
        KubeProxyForm.model_construct(), description="kube-proxy, the same on all nodes."
    )
    pod_network: Literal["ptp", "ptp-bare", "bridge"] = Field(
        "ptp",
        description="How pods are attached. `ptp`: each by a veth pair, its end on the node with the first "
        "address of the node's prefix. `ptp-bare`: the same without that address. `bridge`: all of a node on "
        "one bridge.",
    )
    nodes: dict[Name, NodeForm] = Field(
        default_factory=dict,
        description="Nodes by name in short form; or, for Nodes in `manifests`, what the API does not know.",
    )
    manifests: tuple[Manifest, ...] = Field(
        (),
        description="Nodes, Services and EndpointSlices as kubectl prints them: files, named from this "
        "file's folder, or objects.",
    )
    services: tuple[dict[str, Any], ...] = Field(
        (), description="Services and EndpointSlices written here, as objects."
    )
    pods: dict[Name, PodForm] = Field(
        default_factory=dict, description="Pods by `NAMESPACE/NAME` that no EndpointSlice names."
    )
    clients: dict[Name, IpText] = Field(
        default_factory=dict, description="Names for addresses on the internet."
    )
    packets: Annotated[dict[Name, PacketForm], BeforeValidator(_some_packets)] = Field(
        description="Packets by name.", json_schema_extra={"minProperties": 1}
    )
    expect: tuple[Expectation, ...] = Field((), description="What is to become of the packets.")
    steps: tuple[StepForm, ...] = Field(
        (), description="What happens one after the other, and what is to become of it."
    )
