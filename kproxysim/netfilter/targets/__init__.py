"""Targets, one module a kind. `EXTENSIONS` is what `-j NAME` can load."""

from __future__ import annotations

from kproxysim.netfilter.condition import Extension
from kproxysim.netfilter.targets import mark, nat, reject, verdict

__all__ = ["EXTENSIONS"]

EXTENSIONS: dict[str, Extension] = {
    extension.name: extension for module in (mark, nat, reject, verdict) for extension in module.EXTENSIONS
}
