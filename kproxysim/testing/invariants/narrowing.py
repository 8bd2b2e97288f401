"""Where laws have most to say: arguments of `clusters` and `situations`."""

from __future__ import annotations

from typing import Any

__all__ = ["FROM_OUTSIDE", "SERVED", "TO_SERVICES", "UNSERVED"]

SERVED: dict[str, Any] = {
    "services": (1, 2),
    "endpoints": (1, 3),
    "types": ("ClusterIP", "NodePort", "LoadBalancer"),
    "endpoint_states": ("ready", "unsaid", "draining"),
}
"""Services that somebody serves."""

UNSERVED: dict[str, Any] = {
    "services": (1, 2),
    "types": ("ClusterIP", "NodePort", "LoadBalancer"),
    "endpoint_states": ("not ready", "terminated"),
    "host_endpoints": False,
    "oddities": False,
}
"""Services that nobody serves."""

TO_SERVICES: dict[str, Any] = {"aims": ("service",)}
FROM_OUTSIDE: dict[str, Any] = {"aims": ("service",), "senders": ("internet",)}
