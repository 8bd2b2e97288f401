"""Feature gates that change what kube-proxy's iptables mode writes, with their stages, as data.

Source: pkg/features/kube_features.go, kubernetes 1.25 to 1.36; refusal of locked gates recorded for 1.33 to
1.35.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from kproxysim.errors import Diagnostic, InputError, Severity
from kproxysim.values import dataclass

__all__ = ["GATES", "Gate", "Stage", "enabled_gates", "gates_without_effect"]

_EVER = 999


@dataclass(frozen=True, slots=True)
class Stage:
    """From minor `since` on: how ripe the gate is, and its default. A locked one can't be turned off."""

    since: int
    level: Literal["alpha", "beta", "GA"]
    default: Literal["off", "on", "locked on"]

    @property
    def enabled(self) -> bool:
        return self.default != "off"

    @property
    def locked(self) -> bool:
        return self.default == "locked on"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate and its stages, oldest first.

    It can be named from minor `came` (0: from its first stage) to the one before `gone`; its last default
    stays.
    """

    name: str
    stages: tuple[Stage, ...]
    gone: int = _EVER
    came: int = 0

    def stage(self, minor: int) -> Stage | None:
        """The stage that holds in `minor`, None where the gate is not known yet."""
        return next((stage for stage in reversed(self.stages) if stage.since <= minor), None)

    def is_known(self, minor: int) -> bool:
        """Can a configuration of `minor` name the gate?"""
        return self.came <= minor < self.gone and self.stage(minor) is not None


GATES: tuple[Gate, ...] = (
    Gate(
        "ServiceInternalTrafficPolicy",
        (Stage(21, "alpha", "off"), Stage(22, "beta", "on"), Stage(26, "GA", "locked on")),
        gone=28,
    ),
    Gate(
        "TopologyAwareHints",
        (
            Stage(21, "alpha", "off"),
            Stage(23, "beta", "off"),
            Stage(24, "beta", "on"),
            Stage(33, "GA", "locked on"),
        ),
        gone=36,
    ),
    Gate(
        "ProxyTerminatingEndpoints",
        (Stage(22, "alpha", "off"), Stage(26, "beta", "on"), Stage(28, "GA", "locked on")),
        gone=30,
    ),
    Gate(
        "IPTablesOwnershipCleanup",
        (Stage(25, "alpha", "off"), Stage(27, "beta", "on"), Stage(28, "GA", "locked on")),
        gone=30,
    ),
    Gate(
        "MinimizeIPTablesRestore",
        (Stage(26, "alpha", "off"), Stage(27, "beta", "on"), Stage(28, "GA", "locked on")),
        gone=30,
    ),
    Gate(
        "LoadBalancerIPMode",
        (Stage(29, "alpha", "off"), Stage(30, "beta", "on"), Stage(32, "GA", "locked on")),
        gone=35,
    ),
    Gate(
        "ServiceTrafficDistribution",
        (Stage(30, "alpha", "off"), Stage(31, "beta", "on"), Stage(33, "GA", "locked on")),
        gone=36,
    ),
    Gate(
        "PreferSameTrafficDistribution",
        (Stage(33, "alpha", "off"), Stage(34, "beta", "on"), Stage(35, "GA", "locked on")),
    ),
    # Registered as GA since 1.0: what it allows was always allowed. It came to be turned off.
    Gate("AllowServiceExternalIPs", (Stage(0, "GA", "on"),), came=36),
)

_GROUPS: dict[str, str] = {"AllAlpha": "alpha", "AllBeta": "beta"}
"""Gates that set all others of one level, unless those are named too (k8s.io/component-base/featuregate)."""


def enabled_gates(minor: int, wanted: Mapping[str, bool]) -> frozenset[str]:
    """The names of the gates that are on in `minor` if the configuration says `wanted`.

    Raises InputError with a diagnostic for every gate that kube-proxy of that minor does not know any more or
    not yet (KPS402), or does not let go (KPS403). Gates that change nothing in the rules are not in the
    table: `gates_without_effect` names them. One that is nearly called like a gate of the table is taken for
    a slip of the pen.
    """
    return _enabled(minor, tuple(sorted(wanted.items())))


@lru_cache(maxsize=1 << 8)
def _enabled(minor: int, given: tuple[tuple[str, bool], ...]) -> frozenset[str]:
    """Remembered, since each node and family asks the same."""
    wanted = dict(given)
    _check(minor, wanted)
    enabled = set()
    for gate in GATES:
        stage = gate.stage(minor)
        if stage is None:
            continue
        value = stage.enabled
        if gate.is_known(minor) and not stage.locked:
            for group, level in _GROUPS.items():
                if level == stage.level:
                    value = wanted.get(group, value)
            value = wanted.get(gate.name, value)
        if value:
            enabled.add(gate.name)
    return frozenset(enabled)


def gates_without_effect(wanted: Mapping[str, bool]) -> tuple[str, ...]:
    """Gates of a configuration that change nothing in the rules of any version here, sorted."""
    names = [gate.name for gate in GATES]
    return tuple(
        name
        for name in sorted(wanted)
        if name not in names and name not in _GROUPS and not get_close_matches(name, names, 1, 0.85)
    )


def _check(minor: int, wanted: Mapping[str, bool]) -> None:
    known = {gate.name: gate for gate in GATES if gate.is_known(minor)}
    passed = gates_without_effect(wanted)
    found = []
    for name, value in sorted(wanted.items()):
        gate = known.get(name)
        stage = gate.stage(minor) if gate else None
        if stage is None and name not in _GROUPS and name not in passed:
            found.append(
                Diagnostic(
                    "KPS402",
                    Severity.ERROR,
                    f"kube-proxy 1.{minor} knows no feature gate {name}",
                    path=f"featureGates.{name}",
                    found=name,
                    help=f"leave it out; those that change its rules are {', '.join(sorted(known))}",
                )
            )
        elif stage is not None and stage.locked and not value:
            found.append(
                Diagnostic(
                    "KPS403",
                    Severity.ERROR,
                    f"feature gate {name} can't be turned off in kube-proxy 1.{minor}",
                    path=f"featureGates.{name}",
                    found="false",
                    help="leave it out",
                )
            )
    if found:
        raise InputError(found)
