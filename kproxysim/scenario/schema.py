"""The JSON Schema of a scenario file, for editors, and for finding out which fields there are."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from kproxysim.cluster.base import kubernetes_name
from kproxysim.cluster.paths import Path
from kproxysim.scenario.model import ScenarioFile
from kproxysim.scenario.step_form import VERBS

__all__ = ["DIALECT", "fields_at", "json_schema", "tidy"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The version of JSON Schema that ours are written in."""
_NULL = {"type": "null"}
_READ_AS_TEXT = ("ListeningSocket", "Route")
"""Models that are written as a line of text as well, `tcp/22` or `default via 10.0.0.1`."""

_FACTS = {
    "nodeIPs": "What kube-proxy takes for the node's own addresses, at most one a family.",
    "interfaces": "Devices with addresses: `{eth0: [10.128.0.12/24]}`. Without them eth0 has the node's own; "
    "`lo` with 127.0.0.1 and ::1 is there anyway.",
    "routes": "Lines of `ip route`: `10.44.1.0/24 via 10.128.0.13`. They replace those that are made up.",
    "sysctls": "Kernel settings: `{net.ipv4.conf.all.rp_filter: 1}`.",
    "listening": "Sockets of its processes: `tcp/22`, `tcp/127.0.0.1:10248`.",
    "conntrack": (
        "Are connections tracked, whatever the rules ask for? Without it: while one of the family's rules "
        "does, as `-m conntrack` or `-j DNAT`; true where something else asks, as nftables' own rules, Open "
        "vSwitch or IPVS."
    ),
    "kubelet": "Does kubelet run here? It makes chains of its own, and was first.",
    "iptablesRandomFully": "Does its iptables know `--random-fully` (1.6.2 and later)?",
    "nfacctCounters": "Names of the kernel's accounting objects that kube-proxy could make.",
    "existingNat": "What `iptables-save -t nat` showed before kube-proxy's first synchronisation.",
}
"""What is said of the fields that NodeForm has from NodeFacts."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file (draft 2020-12)."""
    return deepcopy(_schema())


@cache
def _schema() -> dict[str, Any]:
    generated = ScenarioFile.model_json_schema(by_alias=True, mode="validation")
    parts: dict[str, Any] = {name: tidy(part) for name, part in generated.pop("$defs").items()}
    for name in _READ_AS_TEXT:
        parts[name] = {"anyOf": [{"type": "string"}, parts[name]]}
    node = parts["NodeForm"]["properties"]
    node["sysctls"]["additionalProperties"] = {"type": ["string", "integer"]}
    for name, words in _FACTS.items():
        node[name] = {"description": words, **node[name]}
    parts["Expectation"]["minProperties"] = 2
    parts["StepExpectation"]["minProperties"] = 1
    parts["StepForm"]["oneOf"] = [{"required": [kubernetes_name(verb)]} for verb in VERBS]
    parts["NearestForm"]["minProperties"] = 1
    return {
        "$schema": DIALECT,
        "title": "A scenario of kproxysim",
        **tidy(generated),
        "$defs": parts,
    }


def tidy(part: Any) -> Any:
    """A schema that pydantic made, without titles, nulls (a field is left out instead), and defaults that
    say nothing.
    """
    if isinstance(part, list):
        return [tidy(one) for one in part]
    if not isinstance(part, dict):
        return part
    clean: dict[str, Any] = {}
    for name, value in part.items():
        if name == "properties":
            clean[name] = {field: tidy(one) for field, one in value.items()}
        elif name == "anyOf" and _NULL in value:
            kept = [tidy(one) for one in value if one != _NULL]
            clean.update(kept[0] if len(kept) == 1 else {"anyOf": kept})
        elif name == "description":
            clean[name] = " ".join(value.split())
        elif name == "format" or (name == "title" and isinstance(value, str)):
            # The only formats are Go's durations (`30s`), which pydantic takes for ISO 8601.
            continue
        elif name in ("ge", "le", "gt", "lt") or (
            name == "default" and (not value or isinstance(value, dict))
        ):
            continue
        else:
            clean[name] = tidy(value)
    return clean


def fields_at(path: Path) -> list[str]:
    """The fields that the mapping at `path` of a scenario may have; none if any may stand there."""
    schema = _schema()
    part = schema
    for step in path:
        part = _resolved(part, schema)
        if isinstance(step, str) and step in part.get("properties", {}):
            part = part["properties"][step]
        elif isinstance(step, int):
            part = part.get("items", {})
        else:
            part = part.get("additionalProperties", {})
        if not isinstance(part, dict):
            return []
    return list(_resolved(part, schema).get("properties", {}))


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    if "anyOf" in part:
        return next(
            (one for one in (_resolved(one, schema) for one in part["anyOf"]) if "properties" in one), part
        )
    return part
