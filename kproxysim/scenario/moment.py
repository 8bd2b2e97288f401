"""One step of a time line, and how things stand after it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import count

from kproxysim.network import SyncReport, Trace
from kproxysim.network.session import FIRST_PORT
from kproxysim.packet import Packet
from kproxysim.scenario.model import PacketForm
from kproxysim.scenario.step_form import StepForm
from kproxysim.scenario.ways import Way, combined, stand_of
from kproxysim.values import dataclass

__all__ = ["Delta", "Moment", "Standing", "sent"]


@dataclass(frozen=True, slots=True)
class Delta:
    """What one sync of kube-proxy wrote. The rules are the same in all ways; `deleted` is the least and the
    greatest number of connections that it had removed.
    """

    report: SyncReport
    deleted: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a connection stands after a step, or how a packet ended: each `Stand` with its share.

    `is_new`: did the step bring it about, or is it as it was?
    """

    name: str
    shares: Mapping[tuple[str, str], Fraction]
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """One step, and how things stand after it.

    - `number` counts from 1; `event` says what happened; `at` is the time after it, in seconds.
    - `packet` is the name of the packet that it is about, "" if of none, `trace` what became of it.
    - `deltas`: what kube-proxies wrote. `flushed`: connections that a flush removed, the least and the most.
    - `ways`: the worlds that there may be now.
    """

    step: StepForm
    number: int
    event: str
    at: float
    packet: str
    trace: Trace | None
    deltas: tuple[Delta, ...]
    flushed: tuple[int, int] | None
    ways: tuple[Way, ...]

    @property
    def name(self) -> str:
        """The step's own name, "" if it has none."""
        return self.step.name or ""

    @property
    def about(self) -> str:
        """What there is to see here, "" if the step does not say."""
        return self.step.about or ""

    @property
    def standings(self) -> tuple[Standing, ...]:
        """All connections that are not closed, and what the step was about; this one first."""
        found = []
        acting = self.step.connection
        if acting:
            found.append(Standing(acting, self._spread(acting), is_new=True))
        elif self.trace is not None:
            shares: dict[tuple[str, str], Fraction] = {}
            for branch in self.trace:
                stand = stand_of(branch)
                shares[stand] = shares.get(stand, Fraction(0)) + branch.probability
            found.append(Standing(self.packet, shares, is_new=True))
        for name in self.ways[0].connections:
            shares = self._spread(name)
            if name != acting and any(state != "closed" for state, _ in shares):
                found.append(Standing(name, shares))
        return tuple(found)

    def _spread(self, name: str) -> dict[tuple[str, str], Fraction]:
        shares: dict[tuple[str, str], Fraction] = {}
        for way in self.ways:
            stand = way.stands[name]
            shares[stand] = shares.get(stand, Fraction(0)) + way.probability
        return shares

    def send(
        self,
        form: PacketForm,
        *,
        via: str | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Trace:
        """What becomes of a packet that is sent now, from a port that no connection has; it leaves nothing
        behind. `via`, `pick` and `rng` as for `World.send`. Raises what that raises.
        """
        ways = list(self.ways)
        if rng is not None:
            ways = rng.choices(ways, [float(way.probability_kernel) for way in ways])
        return combined((way, sent(form, way, via=via, pick=pick, rng=rng)) for way in ways)


def sent(
    form: PacketForm,
    way: Way,
    *,
    via: str | None = None,
    pick: str | None = None,
    rng: random.Random | None = None,
) -> Trace:
    """What becomes of a packet in one world, from a port that no connection has there."""
    packet = _first_packet(form, way)
    return form.send_in(way.world, packet, via=via, pick=pick, rng=rng)


def _first_packet(form: PacketForm, way: Way) -> Packet:
    packet = form.packet_in(way.world)
    if packet.sport is None or form.sport is not None:
        return packet
    free = next(port for port in count(FIRST_PORT) if port not in way.ports)
    return replace(packet, sport=free)
