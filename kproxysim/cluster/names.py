"""What the API server takes for a name, an address or a range today.

Rules of k8s.io/apimachinery/pkg/util/validation (validation.go, ip.go) and `ValidateEndpointIP` in
pkg/apis/core/validation/validation.go, kubernetes 1.36. Each function says in words what is wrong, or "" if
nothing is.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from kproxysim.cluster.addresses import Network, parse_cidr, parse_ip, typed_ip
from kproxysim.packet import Address

__all__ = [
    "cidr_fault",
    "domain_fault",
    "ip_fault",
    "label_fault",
    "port_name_fault",
    "qualified_name_fault",
    "service_name_fault",
    "special_address_fault",
    "subdomain_fault",
]

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_ZEROS_IN_IPV6 = re.compile(r"[0-9a-fA-F]{5}|[:.]0[0-9]+(?=\.)|\.0[0-9]")
_LONGEST_LABEL = 63
_LONGEST_SUBDOMAIN = 253
_LONGEST_PORT_NAME = 15

_LINK_LOCAL_MULTICAST_4 = parse_cidr("224.0.0.0/24")


def label_fault(name: str) -> str:
    """A DNS label (RFC 1123): port names, namespaces, host names."""
    if len(name) > _LONGEST_LABEL:
        return f"is longer than {_LONGEST_LABEL} characters"
    if not _LABEL.match(name):
        return "is no DNS label: small letters, digits and `-`, with a letter or digit at both ends"
    return ""


def service_name_fault(name: str) -> str:
    """A DNS label that begins with a letter (RFC 1035), as Service names must by default up to 1.36."""
    return label_fault(name) or ("begins with a digit" if name[0].isdigit() else "")


def subdomain_fault(name: str) -> str:
    """DNS labels with dots between: names of Nodes and EndpointSlices, external names."""
    if len(name) > _LONGEST_SUBDOMAIN:
        return f"is longer than {_LONGEST_SUBDOMAIN} characters"
    if not _SUBDOMAIN.match(name):
        return "is no DNS name: small letters, digits, `-` and `.`, with a letter or digit at both ends"
    return ""


def domain_fault(name: str) -> str:
    """A fully qualified domain name, as EndpointSlices of type FQDN hold."""
    bare = name.removesuffix(".")
    return subdomain_fault(bare) or ("has only one part" if "." not in bare else "")


def port_name_fault(name: str) -> str:
    """The name of a container port, as `targetPort` may hold (IANA_SVC_NAME of RFC 6335)."""
    if len(name) > _LONGEST_PORT_NAME:
        return f"is longer than {_LONGEST_PORT_NAME} characters"
    if not _LABEL.match(name) or "--" in name or not re.search("[a-z]", name):
        return "is no port name: small letters, digits and single `-`, at least one letter"
    return ""


def qualified_name_fault(name: str) -> str:
    """A name with a DNS name and a slash before it, or none: `example.com/internal-vip`."""
    prefix, slash, rest = name.rpartition("/")
    if slash and subdomain_fault(prefix):
        return f"has a prefix that {subdomain_fault(prefix)}"
    if len(rest) > _LONGEST_LABEL or not _QUALIFIED.match(rest):
        return "is no qualified name: letters, digits, `-`, `_` and `.`, at most 63 of them"
    return ""


def ip_fault(text: str) -> str:
    """An old spelling of an address that the API server refuses today (gate StrictIPCIDRValidation)."""
    address = typed_ip(text)
    if isinstance(address, IPv6Address):
        return "is an IPv4-mapped IPv6 address" if address.ipv4_mapped is not None else _zeros_in(text)
    return "" if str(address) == text else "has leading zeros"


def cidr_fault(text: str) -> str:
    """An old spelling of a prefix that the API server refuses today."""
    host, _, length = text.partition("/")
    fault = ip_fault(host) or ("" if str(int(length)) == length else "has leading zeros")
    if not fault and _host_bits(parse_cidr(text), typed_ip(host)):
        return "has bits set beyond the prefix length"
    return fault


def special_address_fault(text: str) -> str:
    """An address that can't be that of an endpoint or an external IP."""
    address = parse_ip(text)
    if address.is_unspecified:
        return "is the unspecified address"
    if address.is_loopback:
        return "is a loopback address"
    if address.is_link_local:
        return "is a link-local address"
    if _is_link_local_multicast(address):
        return "is a link-local multicast address"
    return ""


def _zeros_in(text: str) -> str:
    """In IPv6, a group has up to four digits and may begin with zeros; a dotted part must not have any."""
    return "has leading zeros" if _ZEROS_IN_IPV6.search(text) else ""


def _host_bits(network: Network, address: Address) -> bool:
    return network.network_address != address


def _is_link_local_multicast(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address in _LINK_LOCAL_MULTICAST_4
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02
