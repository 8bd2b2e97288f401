"""Names of sysctls among a node's facts that nothing is read from: misspelled, or of no effect here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kproxysim.cluster.findings import Finding
from kproxysim.spelling import closest

__all__ = ["check_sysctl_names"]

_ALIKE = 0.85
"""Share of letters in the last part of a name, and in all of it."""

_OTHERS = ("arp_filter", "forwarding", "mc_forwarding", "bc_forwarding", "bridge-nf-call-arptables")
"""Settings of the kernel that look like others, by their last part."""

_OTHER_TABLES = (
    "nf_conntrack_frag6_",
    "nf_conntrack_dccp_",
    "nf_conntrack_sctp_timeout_heartbeat_acked",
    "nf_flowtable_",
)


def check_sysctl_names(names: Iterable[str], known: Callable[[str], Iterable[str]]) -> Iterator[Finding]:
    """A warning (KPS234) for a name that looks like one that is read, a note (KPS312) for another one of the
    network. `known` gives the names that are read, those of devices for the device of the name that it gets.
    """
    for name in names:
        read = tuple(known(name))
        dotted = name.replace("/", ".")
        if dotted in read:
            continue
        meant = _meant(dotted, read)
        if meant:
            message = f"no setting {name} is read"
            yield Finding("KPS234", message, (name,), name, f"did you mean {meant}?")
        elif dotted.startswith("net."):
            yield Finding("KPS312", f"{name} has no effect here", (name,), name)


def _meant(name: str, read: Iterable[str]) -> str:
    last = name.rpartition(".")[2]
    if last in _OTHERS or last.startswith(_OTHER_TABLES):
        return ""
    if last == name:
        return next((one for one in read if one.rpartition(".")[2] == last), "")
    whole = closest(name, read, _ALIKE)
    return whole if closest(last, [whole.rpartition(".")[2]], _ALIKE) else ""
