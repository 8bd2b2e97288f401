"""Openings of the edge's firewall as text: `tcp/80`, `tcp/30000-32767`, `udp`, `tcp/22 from 10.0.0.0/8`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from kproxysim.cluster.addresses import parse_cidr
from kproxysim.network import Allow
from kproxysim.packet import PORT_PROTOCOLS
from kproxysim.scenario.mistakes import mistake
from kproxysim.spelling import did_you_mean

__all__ = ["Opening", "read_opening"]

_OPENING = re.compile(
    r"(?P<protocol>[a-z]+)(?:/(?P<low>[0-9]{1,5})(?:-(?P<high>[0-9]{1,5}))?)?(?: +from +(?P<source>\S+))?\Z"
)
_SHAPE = "write it as tcp/80, tcp/30000-32767 or tcp/22 from 203.0.113.0/24"


def read_opening(value: Any) -> Allow:
    """One opening. Without ports it is all ports of the protocol, without `from` everybody may come in."""
    match = _OPENING.match(value) if isinstance(value, str) else None
    if match is None:
        raise mistake("KPS605", "this is no opening of a firewall", _SHAPE)
    protocol, source = match["protocol"], match["source"]
    if protocol not in PORT_PROTOCOLS:
        hint = did_you_mean(protocol, PORT_PROTOCOLS) or f"the protocols are {', '.join(PORT_PROTOCOLS)}"
        raise mistake("KPS605", f"{protocol!r} is no protocol with ports", hint)
    low = int(match["low"] or 0)
    high = int(match["high"] or match["low"] or 65535)
    if not low <= high <= 65535:
        raise mistake(
            "KPS605", f"{low} to {high} is no range of ports", "ports go from 0 to 65535, the lower one first"
        )
    if source is None:
        return Allow(protocol, low, high)
    try:
        return Allow(protocol, low, high, str(parse_cidr(source)))
    except ValueError as error:
        raise mistake("KPS605", f"nobody can come in from there: {error}", _SHAPE) from None


Opening = Annotated[
    Allow,
    PlainValidator(read_opening),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(tcp|udp|sctp)(/[0-9]{1,5}(-[0-9]{1,5})?)?( +from +[0-9A-Fa-f.:]+/[0-9]+)?$",
        }
    ),
]
