"""How long connection tracking keeps an entry after its last packet: the kernel's defaults, and a host's own.

Source: nf_conntrack-sysctl.rst in the kernel's documentation, and the tables of timeouts in
nf_conntrack_proto_tcp.c, _udp.c, _sctp.c, _gre.c, _icmp.c, _icmpv6.c and _generic.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from kproxysim.values import dataclass

__all__ = ["Timeouts"]

_PREFIX = "net.netfilter.nf_conntrack_"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. A field is named as its sysctl, without `net.netfilter.nf_conntrack_`.

    Of TCP: `tcp_timeout_unacknowledged` while data is not acknowledged and for connections seen from one
    side alone, `tcp_timeout_max_retrans` after one packet came `nf_conntrack_tcp_max_retrans` times again.
    """

    generic_timeout: float = 600
    gre_timeout: float = 30
    gre_timeout_stream: float = 180
    icmp_timeout: float = 30
    icmpv6_timeout: float = 30
    udp_timeout: float = 30
    udp_timeout_stream: float = 120
    tcp_timeout_syn_sent: float = 120
    tcp_timeout_syn_recv: float = 60
    tcp_timeout_established: float = 432000
    tcp_timeout_fin_wait: float = 120
    tcp_timeout_close_wait: float = 60
    tcp_timeout_last_ack: float = 30
    tcp_timeout_time_wait: float = 120
    tcp_timeout_close: float = 10
    tcp_timeout_max_retrans: float = 300
    tcp_timeout_unacknowledged: float = 300
    sctp_timeout_closed: float = 10
    sctp_timeout_cookie_wait: float = 3
    sctp_timeout_cookie_echoed: float = 3
    sctp_timeout_established: float = 210
    sctp_timeout_shutdown_sent: float = 3
    sctp_timeout_shutdown_recd: float = 3
    sctp_timeout_shutdown_ack_sent: float = 3
    sctp_timeout_heartbeat_sent: float = 30

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The sysctls, by their whole names."""
        return tuple(_PREFIX + one.name for one in fields(cls))

    @classmethod
    def of(cls, sysctls: Mapping[str, str]) -> Timeouts:
        """Out of sysctl values by name (`net.netfilter.nf_conntrack_udp_timeout`); defaults for the rest."""
        found = {one.name: sysctls.get(_PREFIX + one.name, "").strip() for one in fields(cls)}
        return cls(**{name: float(text) for name, text in found.items() if text.isdigit()})
