"""Which objects kube-proxy sees at all: it asks the API server for those without two labels.

Source: the label selector of the informers in cmd/kube-proxy/app/server.go, 1.25 to 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["is_watched"]

_OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
_HEADLESS = "service.kubernetes.io/headless"


def is_watched(labels: Mapping[str, str]) -> bool:
    """Whether a Service or an EndpointSlice with these labels reaches kube-proxy."""
    return not labels or (_OTHER_PROXY not in labels and _HEADLESS not in labels)
