"""The shape of a step: one thing that happens, and what is to become of it.

Whether the names in it are known is checked in `course`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from kproxysim.cluster.base import Flag, kubernetes_name
from kproxysim.cluster.durations import Duration
from kproxysim.scenario.entries import Entries
from kproxysim.scenario.expectation import CLIENT_SEES, Outcome
from kproxysim.scenario.forms import TEXT, Manifest, Name, ScenarioModel, Texts
from kproxysim.scenario.mistakes import mistake
from kproxysim.scenario.shares import Shares

__all__ = ["CONNECTION_STATES", "VERBS", "StepExpectation", "StepForm"]

VERBS = (
    "open",
    "send",
    "reply",
    "close",
    "trace",
    "apply",
    "patch",
    "delete",
    "kube_proxy",
    "flush",
    "rules",
    "wait",
)
"""What a step does; each has one."""

OF_CONNECTIONS = ("open", "send", "reply", "close")
"""The verbs that something happens on a connection by."""

CONNECTION_STATES = ("open", "closed", *(word for word in CLIENT_SEES if word != "answered"))
"""How a connection may stand, as `Session.state` says it."""

MOST_CLIENTS = 1000

_LONGEST_WAIT = 31 * 24 * 3600

_BELONGS = {
    "as_": ("open",),
    "clients": ("open",),
    "pick": ("open", "send"),
    "seed": OF_CONNECTIONS,
    "answered": ("send",),
    "in_window": ("send", "reply"),
    "how": ("close",),
    "by": ("close",),
    "with_": ("patch",),
    "nodes": ("kube_proxy", "flush"),
    "node": ("rules",),
}
"""Fields that go with some verbs only."""


def _no_number(name: str) -> str:
    if name.isdecimal():
        raise mistake("KPS615", f"{name!r} is a number, and steps have numbers already", "write a word")
    return name


def _objects(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _merge_patch(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise mistake("KPS103", "this is no patch", "write the fields that change: {spec: {...}}")
    return value


_Manifests = Annotated[
    tuple[Manifest, ...],
    BeforeValidator(_objects),
    WithJsonSchema(
        {
            "anyOf": [
                TEXT,
                {"type": "object"},
                {"type": "array", "minItems": 1, "items": {"anyOf": [TEXT, {"type": "object"}]}},
            ]
        }
    ),
]
_Patch = Annotated[dict[str, Any], PlainValidator(_merge_patch), WithJsonSchema({"type": "object"})]
_StepName = Annotated[str, Field(min_length=1), AfterValidator(_no_number)]
_Count = Annotated[int, Field(strict=True, ge=2, le=MOST_CLIENTS)]
_Seed = Annotated[int, Field(strict=True)]


class StepExpectation(Outcome):
    """What is to become of a step: of its packet as in `expect`, of its connection, of entries in tables."""

    connection: Annotated[dict[str, Fraction], Shares(CONNECTION_STATES)] | None = Field(
        None, description="How its connection stands then, as its client was told."
    )
    conntrack: Annotated[Mapping[str, Any], Entries()] | None = Field(
        None,
        description="What `conntrack -L` shows then, by node: how many entries, or patterns of them (see "
        "Entries).",
    )

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.model_fields_set:
            raise mistake("KPS608", "this expects nothing", "say for example reaches: default/echo-1")
        return self


_OF_PACKETS = frozenset(Outcome.model_fields)


class StepForm(ScenarioModel):
    """One thing that happens: it has one of the verbs, and what belongs to that."""

    name: _StepName | None = Field(None, description="A name for `--at`; a step has its number anyway.")
    about: Name | None = Field(None, description="What there is to see here, in one line.")
    open: Name | None = Field(
        None,
        description="Opens a connection: a name from `packets`. TCP shakes hands, other protocols send the "
        "packet and get an answer.",
    )
    as_: Name | None = Field(
        None,
        description="Of `open`: a name for the connection. Without it that of the packet. A further "
        "connection of one packet has another source port, unless the packet says which.",
    )
    clients: _Count | None = Field(
        None,
        description="Of `open`: from so many clients on the internet, one after the other, the packet's own "
        f"and those with the addresses after it; at most {MOST_CLIENTS}. These connections have no name.",
    )
    pick: Name | None = Field(
        None,
        description="Of `open` and `send`: the endpoint that it is to reach where chance decides. Without "
        "`pick` and `seed` all ways go on side by side, each with its fraction.",
    )
    seed: _Seed | None = Field(
        None, description="Of what happens on connections: draws one way, the same each time."
    )
    send: Name | None = Field(None, description="The client sends data on this connection.")
    answered: Flag = Field(True, description="Of `send`: does the server answer with data?")
    in_window: Flag = Field(
        True,
        description="Of `send` and `reply`: do TCP's sequence numbers lie in the window that connection "
        "tracking expects?",
    )
    reply: Name | None = Field(None, description="The server sends data on this connection on its own.")
    close: Name | None = Field(None, description="One end closes this connection.")
    how: Literal["fin", "rst", "silence"] = Field(
        "fin", description="Of `close`: `fin`, `rst`, or in `silence`: a process is gone, and nobody is told."
    )
    by: Literal["client", "server"] = Field("client", description="Of `close`: which end does.")
    trace: Name | None = Field(
        None, description="Sends a packet from `packets`, all ways of it, and leaves nothing behind."
    )
    apply: _Manifests | None = Field(
        None,
        description="Objects as `kubectl apply` takes them: a file, an object, or a list of these. Pods come "
        "with the EndpointSlice that names them.",
    )
    patch: Name | None = Field(None, description="Changes an object: `Service default/echo`.")
    with_: _Patch | None = Field(
        None, description="Of `patch`: the fields that change, as in `kubectl patch --type merge`."
    )
    delete: Name | None = Field(
        None,
        description="Deletes an object, `EndpointSlice default/echo-1`; or ends a pod, `Pod default/echo-1`, "
        "which goes with its address, its processes and their connections.",
    )
    kube_proxy: Literal["stop", "start", "restart", "lag", "sync"] | None = Field(
        None,
        description="kube-proxy ends (its rules stay), starts (it knows nothing of before), gets no news "
        "from now on (`lag`), or gets all its news and writes (`sync`).",
    )
    nodes: Texts = Field((), description="Of `kubeProxy` and `flush`: where. Without it on all nodes.")
    flush: Literal["conntrack", "rules"] | None = Field(
        None,
        description="Empties the table of connections (`conntrack -F`), or all tables of rules (`iptables "
        "-F` and `-X`).",
    )
    rules: Name | None = Field(
        None,
        description="Changes the rules of a node as `iptables-restore --noflush` does: text, or the name of "
        "a file.",
    )
    node: Name | None = Field(None, description="Of `rules`: the node.")
    wait: Duration | None = Field(None, description="Time passes: `30s`, `5m`, `1h`; at most 31 days.")
    expect: StepExpectation | None = Field(None, description="What is to become of it.")

    @property
    def verb(self) -> str:
        """What the step does, as its field is called in Python."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @property
    def connection(self) -> str:
        """The name of the connection that it is about, "" if it is about none."""
        if self.open is not None:
            return "" if self.clients else self.as_ or self.open
        return self.send or self.reply or self.close or ""

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        verbs = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(verbs) != 1:
            names = " and ".join(map(kubernetes_name, verbs))
            what = f"this step does {len(verbs)} things: {names}" if verbs else "this step does nothing"
            hint = (
                "make a step of each" if verbs else f"give it one of {', '.join(map(kubernetes_name, VERBS))}"
            )
            raise mistake("KPS615", what, hint)
        (verb,) = verbs
        for field, owners in _BELONGS.items():
            if field in self.model_fields_set and verb not in owners:
                what = f"{kubernetes_name(field)} does not go with {kubernetes_name(verb)}"
                raise mistake("KPS615", what, f"it belongs to {' or '.join(map(kubernetes_name, owners))}")
        self._is_complete()
        self._expects_what_there_is(verb)
        return self

    def _is_complete(self) -> None:
        if self.patch is not None and self.with_ is None:
            raise mistake("KPS102", "with is missing", "write the fields that change: with: {spec: {...}}")
        if self.rules is not None and self.node is None:
            raise mistake("KPS102", "node is missing", "say whose rules these are: node: NAME")
        if self.wait is not None and not 0 < self.wait.total_seconds() <= _LONGEST_WAIT:
            raise mistake("KPS103", "a wait is longer than nothing, and at most 31 days", "write wait: 30s")
        if self.pick is not None and self.seed is not None:
            raise mistake("KPS615", "one way is either picked or drawn", "leave pick or seed out")
        if self.clients is not None and self.as_ is not None:
            raise mistake("KPS615", "connections of many clients have no name", "leave as or clients out")
        if self.clients is not None and self.pick is None and self.seed is None:
            hint = "add pick: ENDPOINT, or seed: 1"
            raise mistake("KPS615", "many clients at once have too many ways to go", hint)

    def _expects_what_there_is(self, verb: str) -> None:
        if self.expect is None:
            return
        fields = self.expect.model_fields_set
        if self.connection == "" and "connection" in fields:
            raise mistake("KPS615", "this step is about no connection", "leave connection: out")
        sends = verb in (*OF_CONNECTIONS, "trace") and not (verb == "close" and self.how == "silence")
        astray = [] if sends else sorted(fields & _OF_PACKETS)
        if astray:
            hint = "say what becomes of connections at the next step that uses them, or of a trace:"
            raise mistake("KPS615", f"this step sends no packet, so {astray[0]} says nothing", hint)
