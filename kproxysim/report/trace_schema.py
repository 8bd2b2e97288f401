"""The JSON Schema of a trace as JSON, by hand: what scripts may rely on."""

from __future__ import annotations

from typing import Any

from kproxysim.network.trace import DISPOSITIONS

__all__ = ["TRACE_SCHEMA"]

_Schema = dict[str, Any]

_TEXT: _Schema = {"type": "string"}
_FRACTION: _Schema = {
    "type": "string",
    "pattern": "^(0|1|[0-9]+/[0-9]+)$",
    "description": "An exact fraction.",
}
_PORT: _Schema = {"type": "integer", "minimum": 0, "maximum": 65535}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}"}


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _object(required: dict[str, _Schema], optional: dict[str, _Schema], description: str) -> _Schema:
    """An object; later versions may add fields, so that others are let through."""
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": {**required, **optional},
    }


def _described(schema: _Schema, description: str) -> _Schema:
    return {**schema, "description": description}


_PACKET = _object(
    {"protocol": _TEXT, "src": _TEXT, "dst": _TEXT},
    {
        "sport": _PORT,
        "dport": _PORT,
        "flags": _described(
            _TEXT, "TCP flags, left out for a lone SYN; of SCTP the first chunk, left out for INIT."
        ),
        "icmp": _object(
            {"type": {"type": "integer"}, "code": {"type": "integer"}},
            {},
            "Type and code of an ICMP message.",
        ),
        "inner": _described(_ref("packet"), "The packet that an ICMP error is about."),
        "mark": _described(_TEXT, "The kernel's mark, left out where it is 0."),
        "iif": _described(_TEXT, "The device by which it came in."),
        "oif": _described(_TEXT, "The device by which it leaves."),
    },
    "A packet; within a step also what the host carries along with it.",
)

_ORIGIN: _Schema = {
    "anyOf": [
        {"type": "null"},
        _object(
            {"object": _TEXT},
            {"field": _TEXT, "port": _TEXT},
            "The object and the field that made the rule, and the service port that it belongs to.",
        ),
    ]
}

_CONDITION = _object(
    {"field": _TEXT, "wanted": _TEXT, "had": _TEXT, "held": {"type": "boolean"}},
    {},
    "One condition of a rule: what it wants, and what the packet had.",
)

_STEP = _object(
    {
        "at": _described(
            _TEXT,
            "table:chain:rule:N, :return:N or :policy:N, as the kernel spells it; or what else happened.",
        ),
        "outcome": {"enum": ["matched", "no-match", "return", "policy", "done"]},
    },
    {
        "rule": _described(_TEXT, "As iptables-restore takes it."),
        "action": _TEXT,
        "origin": _ref("origin"),
        "conditions": _list(_ref("condition")),
        "chance": _described(_FRACTION, "The fraction of packets that a rule with a draw takes."),
        "detail": _TEXT,
        "packet": _described(_ref("packet"), "As the step found it."),
        "after": _described(_ref("packet"), "As the step left it, if it changed anything."),
    },
    "One thing that happened on a host.",
)

_HOP = _object(
    {"where": _TEXT, "kind": {"enum": ["internet", "edge", "node", "pod"]}, "steps": _list(_ref("step"))},
    {"device": _described(_TEXT, "The device by which the packet came in.")},
    "One host that the packet passed.",
)

_REACHED = _object(
    {"kind": {"enum": ["endpoint", "pod", "process"]}, "ip": _TEXT},
    {"service": _TEXT, "pod": _TEXT, "node": _TEXT, "port": _PORT},
    "Who took the packet.",
)

_REPLY = _object(
    {"disposition": _TEXT, "reason": _TEXT, "packet": _ref("packet"), "hops": _list(_ref("hop"))},
    {},
    "The way back.",
)

_NEAREST = _object(
    {
        "at": _TEXT,
        "rule": _TEXT,
        "origin": _ref("origin"),
        "conditions_held": {"type": "integer", "minimum": 0},
        "conditions": {"type": "integer", "minimum": 0},
        "failed": _object({"field": _TEXT, "wanted": _TEXT, "had": _TEXT}, {}, "The condition that failed."),
        "as_dialled": _described(
            {"type": "boolean"}, "It would have matched the packet as its sender wrote it."
        ),
    },
    {},
    "The rule that was missed by least.",
)

_ADVICE = _object(
    {"code": _described(_TEXT, "For `kproxysim explain`."), "why": _TEXT}, {"help": _TEXT}, "Why it went so."
)

_BRANCH = _object(
    {
        "probability": _described(
            _FRACTION, "As meant by whoever wrote the rules. All branches add up to 1."
        ),
        "probability_kernel": _described(_FRACTION, "What the kernel's numbers make of it."),
        "disposition": {"enum": list(DISPOSITIONS)},
        "reason": _described(_TEXT, "For `kproxysim explain`."),
        "client_sees": _TEXT,
        "source": {"enum": ["kept", "masqueraded", "changed"]},
        "packet": _described(_ref("packet"), "As it was at its end."),
        "hops": _list(_ref("hop")),
    },
    {
        "detail": _TEXT,
        "delivered_to": _ref("reached"),
        "sport_range": {
            "type": "array",
            "items": _PORT,
            "minItems": 2,
            "maxItems": 2,
            "description": "The ports among which the kernel draws, where it does not keep the source port.",
        },
        "reply": _ref("reply"),
        "nearest": _ref("nearest"),
        "advice": _list(_ref("advice")),
    },
    "One way that the packet may go.",
)

TRACE_SCHEMA: _Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A trace of kproxysim",
    **_object(
        {
            "format_version": _described(
                {"type": "string", "pattern": "^1\\.[0-9]+$"},
                "The second number grows when fields are added.",
            ),
            "packet": _described(_ref("packet"), "As it was sent."),
            "source": _described(_TEXT, "Who sent it."),
            "branches": {**_list(_ref("branch")), "minItems": 1},
        },
        {
            "assumptions": _described(_list(_TEXT), "Facts that nobody gave and that the result rests on."),
            "notes": _described(_list(_TEXT), "What there is to know about the rules."),
        },
        "One packet and everything that may become of it.",
    ),
    "$defs": {
        "packet": _PACKET,
        "origin": _ORIGIN,
        "condition": _CONDITION,
        "step": _STEP,
        "hop": _HOP,
        "reached": _REACHED,
        "reply": _REPLY,
        "nearest": _NEAREST,
        "advice": _ADVICE,
        "branch": _BRANCH,
    },
}
