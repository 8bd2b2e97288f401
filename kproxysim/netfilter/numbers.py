"""Numbers and addresses as iptables reads them. Sources: libxtables/xtables.c (`xtables_strtoui`,
`__numeric_to_ipaddr`), libxtables/xtoptions.c.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import written

__all__ = [
    "address_text",
    "parse_address",
    "parse_device",
    "parse_host_mask",
    "parse_mask",
    "parse_network",
    "parse_number",
    "parse_port",
    "parse_prefix_length",
]

_UINT32 = 0xFFFFFFFF
_NUMBER = re.compile(r"[ \t]*\+?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z", re.ASCII)
_WIDTH = {"ipv4": 32, "ipv6": 128}

_SERVICES = {
    "tcpmux": 1, "echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "ftp-data": 20, "ftp": 21,
    "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "whois": 43, "tacacs": 49, "domain": 53, "bootps": 67,
    "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "kerberos": 88, "pop3": 110,
    "sunrpc": 111, "auth": 113, "nntp": 119, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138,
    "netbios-ssn": 139, "imap2": 143, "snmp": 161, "snmp-trap": 162, "bgp": 179, "irc": 194, "ldap": 389,
    "https": 443, "microsoft-ds": 445, "submission": 587, "ldaps": 636, "domain-s": 853, "rsync": 873,
    "imaps": 993, "pop3s": 995, "openvpn": 1194, "ms-sql-s": 1433, "radius": 1812, "radius-acct": 1813,
    "nfs": 2049, "mysql": 3306, "postgresql": 5432, "amqp": 5672, "x11": 6000, "syslog": 514, "shell": 514,
    "login": 513, "exec": 512, "isakmp": 500, "ipsec-nat-t": 4500, "sip": 5060, "sip-tls": 5061,
    "zabbix-agent": 10050, "http-alt": 8080,
}  # fmt: skip
"""Names of /etc/services that rules are written with; a saved rule has numbers only."""


def parse_number(text: str, low: int = 0, high: int = _UINT32, word: str = "") -> int:
    """A number as strtoul reads it in base 0: decimal, 0x hexadecimal, 0 octal. Raises RuleSyntaxError."""
    if _NUMBER.match(text):
        digits = text.strip(" \t+")
        number = (
            int(digits, 8)
            if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
            else int(digits, 0)
        )
        if low <= number <= high:
            return number
    raise RuleSyntaxError(f"{text!r} is no number from {low} to {high}", word or text)


@lru_cache(maxsize=4096)
def parse_port(text: str) -> int:
    """A port by number or by one of the best-known service names. Raises RuleSyntaxError."""
    if text in _SERVICES:
        return _SERVICES[text]
    try:
        return parse_number(text, 0, 65535)
    except RuleSyntaxError:
        raise RuleSyntaxError(f"{text!r} is no port from 0 to 65535", text) from None


def parse_address(text: str, family: Family, word: str = "") -> int:
    """An address by number. Raises RuleSyntaxError, for a host name as well: names are not looked up.

    IPv4 may be shortened (`10.1` is 10.1.0.0) and have hexadecimal or octal parts, as in iptables.
    """
    try:
        return int(IPv4Address(text)) if family == "ipv4" else int(IPv6Address(text))
    except AddressValueError:
        number = _loose_ipv4(text) if family == "ipv4" else None
    if number is None:
        kind = "IPv4" if family == "ipv4" else "IPv6"
        raise RuleSyntaxError(f"{text!r} is no {kind} address (names are not looked up)", word or text)
    return number


def _loose_ipv4(text: str, *, fills: bool = False) -> int | None:
    """IPv4 in four parts or less. The last one `fills` all that is left, as getaddrinfo has it (10.1 is
    10.0.0.1), or is an octet like the others.
    """
    parts = text.split(".")
    left = 4 - len(parts)
    if left < 0:
        return None
    try:
        octets = [parse_number(part, 0, 255) for part in parts[:-1]]
        last = parse_number(parts[-1], 0, (256 << 8 * left) - 1 if fills else 255)
    except RuleSyntaxError:
        return None
    return int.from_bytes(bytes(octets)) << 8 * (1 + left) | (last if fills else last << 8 * left)


def parse_mask(text: str, family: Family, word: str = "") -> int:
    """A mask written in full or as a prefix length. Raises RuleSyntaxError."""
    width = _WIDTH[family]
    full = (1 << width) - 1
    if "." in text or ":" in text:
        try:
            return int(IPv4Address(text)) if family == "ipv4" else int(IPv6Address(text))
        except AddressValueError:
            pass
    else:
        try:
            return full ^ (full >> parse_number(text, 0, width))
        except RuleSyntaxError:
            pass
    raise RuleSyntaxError(f"{text!r} is no prefix length from 0 to {width} and no mask", word or text)


def parse_prefix_length(text: str, family: Family) -> int:
    """A prefix length, or the mask that has it. Raises RuleSyntaxError."""
    full = (1 << _WIDTH[family]) - 1
    mask = parse_mask(text, family)
    length = mask.bit_count()
    if mask != full ^ (full >> length):
        raise RuleSyntaxError(f"{text!r} is no mask of a prefix", text)
    return length


def parse_host_mask(text: str, family: Family) -> tuple[int, int]:
    """`address[/length or mask]` as (address, mask), the host part kept. A mask that is no prefix counts as a
    full one (`xtopt_parse_plenmask`). Raises RuleSyntaxError.
    """
    full = (1 << _WIDTH[family]) - 1
    host, slash, suffix = text.rpartition("/")
    host = host if slash else text
    address = _loose_ipv4(host, fills=True) if family == "ipv4" else None
    if address is None:
        address = parse_address(host, family, text)
    mask = parse_mask(suffix, family, text) if slash else full
    inverted = mask ^ full
    return address, full if inverted & (inverted + 1) else mask


def address_text(value: int, version: int) -> str:
    """An address as inet_ntop prints it: IPv4 within IPv6 in dots."""
    if version == 6 and (value >> 32 == 0xFFFF or (value >> 32 == 0 and value >> 16)):
        return f"::{'ffff:' if value >> 32 else ''}{IPv4Address(value & _UINT32)}"
    return written(value, version)


@lru_cache(maxsize=65536)
def parse_network(text: str, family: Family) -> tuple[int, int]:
    """`address[/length or mask]` as (network, mask). Raises RuleSyntaxError."""
    host, slash, suffix = text.rpartition("/")
    if not slash:
        return parse_address(text, family), (1 << _WIDTH[family]) - 1
    mask = parse_mask(suffix, family, text)
    # under a null mask the name is ignored, as in any/0 (xtables_ipparse_multiple)
    return (parse_address(host, family, text) & mask, mask) if mask else (0, 0)


def parse_device(text: str, word: str = "") -> str:
    """A device name of 1 to 15 bytes, `+` at its end standing for any ending. Raises RuleSyntaxError."""
    if not text:
        raise RuleSyntaxError("a device name is empty", word)
    if len(text.encode()) > 15:
        raise RuleSyntaxError(f"device name {text!r} is longer than 15 characters", text)
    return text
