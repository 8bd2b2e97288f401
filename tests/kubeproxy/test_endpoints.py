"""From slices to ordered endpoints: section by section of pkg/proxy/endpointslicecache.go."""

from typing import Any

import pytest

from kproxysim.cluster import EndpointSlice
from kproxysim.errors import InputError
from kproxysim.kubeproxy.endpoints import Endpoint, local_ready_addresses, owner_of, read_slices
from kproxysim.kubeproxy.service_ports import PortKey
from tests.kubeproxy.small import endpoints, settings

HTTP = PortKey("http", "TCP")


def listed(*slices: EndpointSlice, version: str | None = None) -> tuple[Endpoint, ...]:
    return read_slices(slices, settings(version)).get(HTTP, ())


def texts(*slices: EndpointSlice, version: str | None = None) -> list[str]:
    return [one.text for one in listed(*slices, version=version)]


class TestOrder:
    """Endpoints are sorted by the text `address:port`, byte by byte."""

    def test_as_text(self) -> None:
        assert texts(endpoints("10.0.0.2", "10.0.0.10", "10.0.0.1")) == [
            "10.0.0.10:8080",
            "10.0.0.1:8080",
            "10.0.0.2:8080",
        ]

    def test_ipv6_in_brackets(self) -> None:
        one = endpoints("fd00::1", "fd00::10", family="IPv6")
        found = read_slices([one], settings(family="ipv6"))[HTTP]
        assert [each.text for each in found] == ["[fd00::10]:8080", "[fd00::1]:8080"]
        assert [each.ip for each in found] == ["fd00::10", "fd00::1"]

    def test_several_slices_are_one_list(self) -> None:
        assert texts(endpoints("10.0.0.3"), endpoints("10.0.0.1", name="web-2")) == [
            "10.0.0.1:8080",
            "10.0.0.3:8080",
        ]


class TestConditions:
    """What a slice leaves out counts as ready, serving, not terminating: `serving` does not follow `ready`."""

    @pytest.mark.parametrize(
        "given, ready, serving, terminating",
        [
            ({}, True, True, False),
            ({"ready": False}, False, True, False),
            ({"ready": False, "terminating": True}, False, True, True),
            ({"ready": False, "serving": False, "terminating": True}, False, False, True),
            ({"ready": True, "serving": True, "terminating": False}, True, True, False),
        ],
    )
    def test_defaults(self, given: dict[str, Any], ready: bool, serving: bool, terminating: bool) -> None:
        (one,) = listed(endpoints({"ip": "10.0.0.1", **given}))
        assert (one.ready, one.serving, one.terminating) == (ready, serving, terminating)

    def test_local_is_the_nodes_own_name(self) -> None:
        slice_ = endpoints(
            {"ip": "10.0.0.1", "nodeName": "n1"}, {"ip": "10.0.0.2", "nodeName": "n2"}, "10.0.0.3"
        )
        assert [one.local for one in listed(slice_)] == [True, False, False]


class TestPorts:
    def test_each_port_has_its_endpoints(self) -> None:
        slice_ = endpoints(
            "10.0.0.1",
            ports=[{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}],
        )
        found = read_slices([slice_], settings())
        assert {key: [one.text for one in each] for key, each in found.items()} == {
            PortKey("http", "TCP"): ["10.0.0.1:80"],
            PortKey("dns", "UDP"): ["10.0.0.1:53"],
        }

    def test_a_port_without_a_number_is_passed_over(self) -> None:
        ports: list[dict[str, Any]] = [
            {"name": "http", "port": 80},
            {"name": "https"},
            {"name": "none", "port": 0},
        ]
        assert list(read_slices([endpoints("10.0.0.1", ports=ports)], settings())) == [HTTP]

    def test_two_numbers_of_one_name_are_one_list(self) -> None:
        other = endpoints("10.0.0.2", name="web-2", ports=[{"name": "http", "port": 9090}])
        assert texts(endpoints("10.0.0.1"), other) == ["10.0.0.1:8080", "10.0.0.2:9090"]


class TestAddresses:
    def test_the_first_one_counts(self) -> None:
        slice_ = endpoints("10.0.0.1")
        both = slice_.endpoints[0].model_copy(update={"addresses": ("10.0.0.1", "10.0.0.2")})
        none = both.model_copy(update={"addresses": ()})
        assert texts(slice_.model_copy(update={"endpoints": (none, both)})) == ["10.0.0.1:8080"]

    @pytest.mark.parametrize("version, text", [("1.30", "010.0.0.1:8080"), ("1.31", "10.0.0.1:8080")])
    def test_are_canonical_from_1_31_on(self, version: str, text: str) -> None:
        assert texts(endpoints("010.0.0.1"), version=version) == [text]

    @pytest.mark.parametrize("version, found", [("1.32", []), ("1.33", ["[fd00::1]:8080"])])
    def test_of_the_other_family_are_passed_over_up_to_1_32(self, version: str, found: list[str]) -> None:
        assert texts(endpoints("fd00::1"), version=version) == found

    def test_what_is_no_address_is_an_error(self) -> None:
        with pytest.raises(InputError, match=r"'db\.example\.net'") as caught:
            listed(endpoints("10.0.0.1", "db.example.net"))
        assert caught.value.code == "KPS405"
        (said,) = caught.value.diagnostics
        assert (said.path, said.found) == ("endpoints[1].addresses[0]", "db.example.net")


class TestDuplicates:
    """One address and port in two entries. Each row: the entries, and which one stays, by version."""

    @pytest.mark.parametrize(
        "first, second, up_to_1_35, from_1_36",
        [
            ({}, {}, 0, 1),
            ({}, {"nodeName": "n1"}, 1, 1),
            ({"nodeName": "n1"}, {}, 0, 1),
            ({"terminating": True, "ready": False}, {}, 0, 1),
            ({}, {"terminating": True, "ready": False}, 0, 0),
            ({}, {"terminating": True, "ready": False, "nodeName": "n1"}, 1, 0),
            ({"terminating": True, "ready": False}, {"terminating": True, "ready": False}, 0, 0),
            ({"ready": False}, {}, 0, 1),
            ({}, {"ready": False}, 0, 1),
        ],
    )
    def test_which_entry_stays(
        self, first: dict[str, Any], second: dict[str, Any], up_to_1_35: int, from_1_36: int
    ) -> None:
        entries = [{"ip": "10.0.0.1", **first}, {"ip": "10.0.0.1", **second}]
        for version, wanted in (("1.25", up_to_1_35), ("1.35", up_to_1_35), ("1.36", from_1_36)):
            (inside,) = listed(endpoints(*entries), version=version)
            assert inside.source.endswith(f"web-1 endpoints[{wanted}]")
            (across,) = listed(endpoints(entries[0]), endpoints(entries[1], name="web-2"), version=version)
            assert across.source.endswith(f"web-{wanted + 1} endpoints[0]")

    @pytest.mark.parametrize("version, stays", [("1.30", 1), ("1.31", 0), ("1.36", 1)])
    def test_up_to_1_30_entries_are_sorted_by_all_their_addresses_first(
        self, version: str, stays: int
    ) -> None:
        """`byAddress`: the first in this order stays; from 1.31 on the first in the slice, from 1.36 on the last."""
        slice_ = endpoints("10.0.0.1", "10.0.0.1")
        entries = [
            entry.model_copy(update={"addresses": ("10.0.0.1", other)})
            for entry, other in zip(slice_.endpoints, ("10.0.0.9", "10.0.0.2"), strict=True)
        ]
        (found,) = listed(slice_.model_copy(update={"endpoints": tuple(entries)}), version=version)
        assert found.source.endswith(f"endpoints[{stays}]")


class TestOwner:
    """The label names the Service; two other labels keep a slice from kube-proxy."""

    def test_the_label(self) -> None:
        assert str(owner_of(endpoints("10.0.0.1"), settings())) == "default/web"
        assert owner_of(endpoints("10.0.0.1", owner=""), settings()) is None

    @pytest.mark.parametrize(
        "label", ["service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"]
    )
    def test_hidden(self, label: str) -> None:
        assert owner_of(endpoints("10.0.0.1", labels={label: ""}), settings()) is None

    @pytest.mark.parametrize("family", ["IPv6", "FQDN"])
    def test_of_another_kind(self, family: str) -> None:
        assert owner_of(endpoints("fd00::1", family=family), settings()) is None


def test_the_health_check_counts_addresses_that_are_ready_here() -> None:
    ports = [{"name": "http", "port": 80}, {"name": "https", "port": 443}]
    here = {"nodeName": "n1"}
    slice_ = endpoints(
        {"ip": "10.0.0.1", **here},
        {"ip": "10.0.0.2", **here, "ready": False, "terminating": True},
        {"ip": "10.0.0.3"},
        ports=ports,
    )
    assert local_ready_addresses(read_slices([slice_], settings()).values()) == 1
