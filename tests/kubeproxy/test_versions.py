"""Which version does what: the table of changes, and the table of feature gates."""

from dataclasses import fields

import pytest

from kproxysim.errors import InputError
from kproxysim.kubeproxy.gates import GATES, enabled_gates, gates_without_effect
from kproxysim.kubeproxy.versions import (
    CHANGES,
    NEWEST,
    OLDEST,
    SUPPORTED,
    Behaviour,
    Change,
    behaviour,
    minor_of,
)


class TestVersions:
    def test_from_1_25_to_1_36(self) -> None:
        assert SUPPORTED[0] == "1.25"
        assert SUPPORTED[-1] == "1.36"
        assert len(SUPPORTED) == 12

    @pytest.mark.parametrize(
        "version, minor",
        [
            (None, 36),
            ("1.25", 25),
            ("1.30", 30),
            ("1.30.3", 30),
            ("v1.30.3", 30),
            ("v1.34.1-gke.2190000", 34),
            ("1.36.0+k3s1", 36),
        ],
    )
    def test_a_patch_release_is_its_minor(self, version: str | None, minor: int) -> None:
        assert minor_of(version) == minor

    @pytest.mark.parametrize(
        "version", ["1.24", "1.37", "1.3", "2.30", "", "1.", "latest", "1.30.3 ", "01.30"]
    )
    def test_others_are_refused_with_the_list_of_those_that_are_not(self, version: str) -> None:
        with pytest.raises(InputError) as caught:
            minor_of(version)
        assert caught.value.code == "KPS401"
        assert caught.value.diagnostics[0].help == f"supported are {', '.join(SUPPORTED)}"


class TestChanges:
    @pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"1.{change.since}: {change.what}")
    def test_each_one_happens_when_it_says(self, change: Change) -> None:
        assert OLDEST < change.since <= NEWEST
        before, after = behaviour(f"1.{change.since - 1}"), behaviour(f"1.{change.since}")
        for name, value in change.sets.items():
            assert getattr(after, name) == value
            assert getattr(before, name) != value
        assert change.evidence

    def test_nothing_changes_that_no_change_names(self) -> None:
        for minor in range(OLDEST + 1, NEWEST + 1):
            before, after = behaviour(f"1.{minor - 1}"), behaviour(f"1.{minor}")
            named = {name for change in CHANGES if change.since == minor for name in change.sets}
            differing = {
                one.name for one in fields(Behaviour) if getattr(before, one.name) != getattr(after, one.name)
            }
            assert differing == named | {"minor"}


def on(name: str, minor: int, **wanted: bool) -> bool:
    return name in enabled_gates(minor, wanted)


class TestGates:
    """Sources: the feature lists of 1.25 to 1.36."""

    DEFAULTS: tuple[tuple[str, int, list[int]], ...] = (
        ("ServiceInternalTrafficPolicy", 25, []),
        ("TopologyAwareHints", 25, []),
        ("ProxyTerminatingEndpoints", 26, [25]),
        ("IPTablesOwnershipCleanup", 27, [25, 26]),
        ("MinimizeIPTablesRestore", 27, [25, 26]),
        ("LoadBalancerIPMode", 30, [28, 29]),
        ("ServiceTrafficDistribution", 31, [29, 30]),
        ("PreferSameTrafficDistribution", 34, [32, 33]),
        ("AllowServiceExternalIPs", 25, []),
    )

    @pytest.mark.parametrize("name, since, off", DEFAULTS)
    def test_on_by_default_from_a_minor_on_and_for_good(self, name: str, since: int, off: list[int]) -> None:
        assert all(on(name, minor) for minor in range(since, NEWEST + 1))
        assert not any(on(name, minor) for minor in off)

    SETTABLE = (
        ("ServiceInternalTrafficPolicy", range(25, 26), range(26, 28)),
        ("TopologyAwareHints", range(25, 33), range(33, 36)),
        ("ProxyTerminatingEndpoints", range(25, 28), range(28, 30)),
        ("IPTablesOwnershipCleanup", range(25, 28), range(28, 30)),
        ("MinimizeIPTablesRestore", range(26, 28), range(28, 30)),
        ("LoadBalancerIPMode", range(29, 32), range(32, 35)),
        ("ServiceTrafficDistribution", range(30, 33), range(33, 36)),
        ("PreferSameTrafficDistribution", range(33, 35), range(35, 37)),
        ("AllowServiceExternalIPs", range(36, 37), range(0)),
    )

    def test_the_table_is_of_all_gates(self) -> None:
        assert [row[0] for row in self.SETTABLE] == [gate.name for gate in GATES]
        assert [row[0] for row in self.DEFAULTS] == [gate.name for gate in GATES]

    @pytest.mark.parametrize("name, free, locked", SETTABLE)
    def test_free_then_locked_then_unknown(self, name: str, free: range, locked: range) -> None:
        for minor in range(OLDEST, NEWEST + 1):
            if minor in free:
                assert not on(name, minor, **{name: False})
                assert on(name, minor, **{name: True})
            elif minor in locked:
                assert on(name, minor, **{name: True})
                assert refused(minor, name, value=False) == ["KPS403"]
            else:
                assert refused(minor, name, value=True) == ["KPS402"]

    def test_groups_set_what_is_not_named(self) -> None:
        assert on("PreferSameTrafficDistribution", 33, AllAlpha=True)
        assert not on("PreferSameTrafficDistribution", 33, AllAlpha=True, PreferSameTrafficDistribution=False)
        assert not on("PreferSameTrafficDistribution", 34, AllBeta=False)
        assert on("PreferSameTrafficDistribution", 35, AllBeta=False)

    def test_all_mistakes_are_told_at_once(self) -> None:
        with pytest.raises(InputError) as caught:
            enabled_gates(33, {"TopologyAwareHints": False, "AllowServiceExternalIP": True})
        assert [one.code for one in caught.value.diagnostics] == ["KPS402", "KPS403"]

    def test_gates_that_change_no_rule_are_passed_over_by_name(self) -> None:
        assert gates_without_effect(
            {"ContextualLogging": True, "AllBeta": True, "TopologyAwareHints": True}
        ) == ("ContextualLogging",)
        assert enabled_gates(36, {"ContextualLogging": True}) == enabled_gates(36, {})


def refused(minor: int, name: str, *, value: bool) -> list[str]:
    with pytest.raises(InputError) as caught:
        enabled_gates(minor, {name: value})
    return [one.code for one in caught.value.diagnostics]
