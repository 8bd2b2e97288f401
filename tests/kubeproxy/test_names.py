"""Names of chains. Where they were seen: kube-proxy's unit tests and iptables dumps of real nodes."""

import pytest

from kproxysim.kubeproxy.names import endpoint_chain, port_hash, service_port_name

SEEN = [
    ("ns1", "svc1", "p80", "tcp", "XPGD46QRK7WJZT7O", "unit tests"),
    ("ns2", "svc2", "p80", "tcp", "GNZBNJ2PO5MGZ6GT", "unit tests"),
    ("ns5", "svc5", "p80", "tcp", "NUKIZ6OKUXPJNT4C", "unit tests"),
    ("default", "nginx", "", "tcp", "2CMXP7HKUVJN7L6M", "a dump"),
    ("default", "hostnames", "http", "tcp", "AC2ON6IKLZPGXVMV", "a dump"),
    ("default", "webapp-nodeport", "", "tcp", "HH54PX2LENPCJ4PN", "a dump"),
    ("default", "kubernetes", "https", "tcp", "NPX46M4PTMTKRN6Y", "computed with sha256 and base32"),
    ("kube-system", "kube-dns", "dns", "udp", "TCOU7JCQXEZGVUNU", "computed with sha256 and base32"),
    ("shop", "api", "", "tcp", "YI7FANR2652WTB3A", "computed with sha256 and base32"),
]

SEEN_ENDPOINTS = [
    ("ns1/svc1:p80", "10.180.0.1:80", "SXIVWICOYRO3J4NJ", "unit tests"),
    ("ns2/svc2:p80", "10.180.0.2:80", "RS4RBKLTHTF2IUXJ", "unit tests"),
    ("ns5/svc5:p80", "10.180.0.3:80", "I77PXRDZVX7PMWMN", "unit tests"),
    ("ns1/svc1:p80", "[fd00::1]:80", "T5UNFIPVCZXM3U7X", "computed with sha256 and base32"),
]


@pytest.mark.parametrize("namespace, service, port, protocol, expected, where", SEEN)
def test_a_service_port(
    namespace: str, service: str, port: str, protocol: str, expected: str, where: str
) -> None:
    assert port_hash(service_port_name(namespace, service, port), protocol) == expected


@pytest.mark.parametrize("name, endpoint, expected, where", SEEN_ENDPOINTS)
def test_an_endpoint(name: str, endpoint: str, expected: str, where: str) -> None:
    assert endpoint_chain(name, "tcp", endpoint) == f"KUBE-SEP-{expected}"


def test_the_protocol_is_hashed_in_lower_case() -> None:
    assert port_hash("kube-system/kube-dns:dns", "UDP") == "GOKYAH2GUFSZRCFJ"
    assert port_hash("kube-system/kube-dns:dns", "udp") != "GOKYAH2GUFSZRCFJ"


def test_a_port_without_a_name_has_no_colon() -> None:
    assert service_port_name("shop", "api", "") == "shop/api"
    assert port_hash("shop/api:", "tcp") == "OAGMRJ5PJIWRHQC3"
