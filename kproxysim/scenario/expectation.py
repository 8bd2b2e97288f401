"""What may be expected of a packet: the fields of an expectation."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from kproxysim.cluster.base import Flag, check_ip
from kproxysim.network.reasons import ADVICE, REASONS
from kproxysim.network.trace import DISPOSITIONS
from kproxysim.scenario.forms import TEXT, Name, ScenarioModel, as_list
from kproxysim.scenario.mistakes import mistake
from kproxysim.scenario.shares import Shares
from kproxysim.spelling import did_you_mean

__all__ = ["ANYBODY", "CLIENT_SEES", "NO_REPLY", "Expectation", "NearestForm", "Outcome"]

CLIENT_SEES = (
    "answered",
    "refused",
    "timeout",
    "reset",
    "net-unreachable",
    "host-unreachable",
    "protocol-unreachable",
    "prohibited",
    "not-permitted",
    "invalid-argument",
    "unknown",
)
"""What a client may see of its call, as `Branch.client_sees` says it."""

NO_REPLY = "none"
"""The way back of a packet that nobody answers."""

ANYBODY = ""
"""Whoever receives the packet, in `Expectation.sees`."""


def _seen(value: Any) -> dict[str, str]:
    seen = {ANYBODY: value} if isinstance(value, str) else value
    if not isinstance(seen, dict) or not seen:
        raise mistake(
            "KPS103", "this is no address, and no names with addresses", "write {default/echo-1: 10.44.0.1}"
        )
    for name, address in seen.items():
        try:
            check_ip(address if isinstance(address, str) else "")
        except PydanticCustomError:
            hint = f"write the address that {name or 'the receiver'} sees"
            raise mistake("KPS104", f"{address!r} is not an IP address", hint) from None
    return seen


def _advice(codes: tuple[str, ...]) -> tuple[str, ...]:
    for code in codes:
        if code not in ADVICE:
            hint = did_you_mean(code, ADVICE) or f"write {', '.join(ADVICE)}"
            raise mistake("KPS604", f"{code!r} is no advice that a trace gives", hint)
    return codes


_ADVICE_CODE = {"enum": list(ADVICE)}
_Advice = Annotated[
    tuple[str, ...],
    BeforeValidator(as_list),
    AfterValidator(_advice),
    WithJsonSchema({"anyOf": [_ADVICE_CODE, {"type": "array", "items": _ADVICE_CODE}]}),
]
_Seen = Annotated[
    dict[str, str],
    PlainValidator(_seen),
    WithJsonSchema({"anyOf": [TEXT, {"type": "object", "minProperties": 1, "additionalProperties": TEXT}]}),
]


class NearestForm(ScenarioModel):
    """The rule that the sender hoped for and missed. What is not given is not compared."""

    object: str | None = Field(None, description="What made the rule: `Service default/echo-ext`.")
    field: str | None = Field(None, description="The field of it that did: `spec.externalIPs[0]`.")
    failed: str | None = Field(
        None, description="The condition that did not hold: `dst`, `dport`, `protocol`."
    )
    wanted: str | None = Field(None, description="What the rule asks for there: `198.51.100.12/32`.")
    had: str | None = Field(None, description="What the packet had there: `10.128.0.12`.")
    as_dialled: Flag | None = Field(
        None, description="Would it have matched the packet as dialled, before anything rewrote it?"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise mistake("KPS608", "this expects nothing of the nearest rule", "say for example failed: dst")
        return self


class _OfPacket(ScenarioModel):
    """Which packet it is about: the first of an expectation's fields."""

    packet: Name = Field(description="A name from `packets`.")


class Outcome(ScenarioModel):
    """What is to become of a packet. All that is given must hold, for each way that chance may take.

    Where the ways differ, a list stands for equal shares, and a mapping gives exact fractions that add up to
    1: `{default/echo-1: 1/3, default/echo-2: 2/3}`.
    """

    reaches: Annotated[dict[str, Fraction], Shares()] | None = Field(
        None,
        description="Who takes the packet: a pod (`default/echo-1`), an address (`10.44.0.5`, "
        "`10.44.0.5:8080`), a process of a node (`node/node-a`), or `nobody`.",
    )
    disposition: Annotated[dict[str, Fraction], Shares(DISPOSITIONS)] | None = Field(
        None, description="How its way ends."
    )
    reason: (
        Annotated[dict[str, Fraction], Shares(REASONS, hint="`kproxysim explain` lists all codes")] | None
    ) = Field(None, description="Why, as a code of `kproxysim explain`: `no-endpoints`.")
    client: Annotated[dict[str, Fraction], Shares(CLIENT_SEES)] | None = Field(
        None, description="What its sender sees."
    )
    source: (
        Annotated[dict[str, Fraction], Shares(("kept", "masqueraded", "changed"), addresses=True)] | None
    ) = Field(
        None,
        description="What became of its source address: `kept`, `masqueraded`, `changed` (by SNAT); or the "
        "address that it has in the end.",
    )
    sees: _Seen | None = Field(
        None,
        description="The source address that its receiver sees; or, by receiver as in `reaches`, the one "
        "that each of them sees.",
    )
    through: tuple[Name, ...] = Field(
        (), description="Stations that it passes in this order, others between them left out (see Stations)."
    )
    avoids: tuple[Name, ...] = Field((), description="Stations that it does not pass (see Stations).")
    reply: Annotated[dict[str, Fraction], Shares((*DISPOSITIONS, NO_REPLY))] | None = Field(
        None,
        description="How the way back ends: `delivered` to the sender, or what became of it; `none` if "
        "nobody answers.",
    )
    nearest: NearestForm | None = Field(None, description="The rule that it missed by least.")
    advice: _Advice = Field((), description="Codes of the advice that the trace gives: `cloud-nat-first`.")


class Expectation(Outcome, _OfPacket):
    """What is to become of one packet of the scenario."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self.model_fields_set <= {"packet"}:
            raise mistake("KPS608", "this expects nothing", "say for example reaches: default/echo-1")
        return self
