"""A time line: the steps of a scenario carried out one after the other, all ways of it side by side."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from kproxysim.cluster.base import kubernetes_name
from kproxysim.errors import InputError
from kproxysim.network import Exchange, SyncReport, Trace, World
from kproxysim.scenario.course import Course
from kproxysim.scenario.model import PacketForm
from kproxysim.scenario.moment import Delta, Moment, sent
from kproxysim.scenario.step_form import StepForm
from kproxysim.scenario.step_words import event_text
from kproxysim.scenario.ways import Way, combined
from kproxysim.values import dataclass

__all__ = ["MOST_WAYS", "Timeline"]

MOST_WAYS = 256
"""So many ways go on side by side at most: eight opens over two endpoints make as many."""

Locate = Callable[[int, str, InputError], InputError]
"""An error of the step of this number, at a field of it, as one that points into the file."""


class Timeline:
    """The steps of one scenario in one world, carried out when somebody looks."""

    def __init__(
        self,
        world: World,
        steps: Sequence[StepForm],
        packets: Mapping[str, PacketForm],
        course: Course,
        locate: Locate,
    ) -> None:
        self._steps = steps
        self._packets = packets
        self._course = course
        self._locate = locate
        self._start = Way(Fraction(1), Fraction(1), world, {}, {})
        self._moments: list[Moment] = []
        self._opened: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._steps)

    def moment(self, number: int) -> Moment:
        """The moment after a step, counted from 1. Raises InputError where something can't happen."""
        while len(self._moments) < number:
            self._moments.append(self._next(len(self._moments)))
        return self._moments[number - 1]

    def __iter__(self) -> Iterator[Moment]:
        return (self.moment(number) for number in range(1, len(self) + 1))

    def _next(self, place: int) -> Moment:
        step = self._steps[place]
        before = self._moments[-1].ways if self._moments else (self._start,)
        try:
            happened = self._happen(step, place, before)
            if len(happened) > MOST_WAYS:
                raise InputError.of(
                    "KPS618",
                    f"there are {len(happened)} ways side by side now, and {MOST_WAYS} is the most",
                    help="follow one of them: add pick: ENDPOINT, or seed: 1",
                )
        except InputError as error:
            raise self._locate(place, _field(step, error), error) from None
        packet = step.open or step.trace or self._opened.get(step.connection, "")
        if step.open is not None:
            self._opened[step.connection] = packet
        return Moment(
            step,
            place + 1,
            event_text(step, self._course.objects.get(place, ())),
            happened[0].way.world.now,
            packet,
            _trace(happened),
            _deltas(happened),
            _range([one.flushed for one in happened]) if step.flush == "conntrack" else None,
            tuple(one.way for one in happened),
        )

    def _happen(self, step: StepForm, place: int, before: Sequence[Way]) -> list[_Happened]:
        """A step in each of the ways that led to it."""
        if step.trace is not None:
            form = self._packets[step.trace]
            return [_Happened(way, sent(form, way)) for way in before]
        if step.clients is not None:
            return [self._from_many(step, way) for way in before]
        if step.connection:
            return [one for way in before for one in self._on_connection(step, way)]
        return [self._changed(step, place, way) for way in before]

    def _on_connection(self, step: StepForm, way: Way) -> list[_Happened]:
        """What may come of an event on a connection."""
        name = step.connection

        def event(world: World) -> Exchange:
            return self._exchange(step, way, world)

        if step.pick is not None or step.seed is not None:
            world = way.world.fork()
            exchange = event(world)
            after = replace(way, world=world).with_exchange(name, exchange)
            return [_Happened(after, exchange.trace and _certain(exchange.trace))]
        return [
            _Happened(
                replace(
                    way,
                    world=future.world,
                    probability=way.probability * future.probability,
                    probability_kernel=way.probability_kernel * future.probability_kernel,
                ).with_exchange(name, future.result),
                future.result.trace and _certain(future.result.trace),
            )
            for future in way.world.futures(event)
        ]

    def _exchange(self, step: StepForm, way: Way, world: World) -> Exchange:
        rng = None if step.seed is None else random.Random(step.seed)
        if step.open is not None:
            form = self._packets[step.open]
            return form.open_in(world, pick=step.pick, rng=rng)
        session = way.connections[step.connection]
        via = self._packets[self._opened[step.connection]].via
        if step.send is not None:
            return world.send_on(
                session, answered=step.answered, in_window=step.in_window, via=via, pick=step.pick, rng=rng
            )
        if step.reply is not None:
            return world.reply_on(session, in_window=step.in_window, rng=rng)
        return world.close(session, step.how, step.by, rng=rng)

    def _from_many(self, step: StepForm, way: Way) -> _Happened:
        """Clients whose addresses follow each other open a connection each."""
        assert step.open is not None
        assert step.clients is not None
        form = self._packets[step.open]
        world = way.world.fork()
        first = world.packet(form.source, form.to).src
        rng = None if step.seed is None else random.Random(step.seed)
        share = Fraction(1, step.clients)
        after, traces = replace(way, world=world), []
        for number in range(step.clients):
            client = form.model_copy(update={"source": f"internet/{first + number}"})
            exchange = client.open_in(world, pick=step.pick, rng=rng)
            after = after.with_exchange("", exchange)
            assert exchange.trace is not None
            one = replace(after, probability=share, probability_kernel=share)
            traces.append((one, _certain(exchange.trace)))
        return _Happened(after, combined(traces))

    def _changed(self, step: StepForm, place: int, way: Way) -> _Happened:
        """What happens to the cluster, its nodes and its time; there is one way that it can go."""
        world = way.world.fork()
        reports: tuple[SyncReport, ...] = ()
        flushed = 0
        if step.apply is not None:
            reports = world.apply(self._course.objects[place])
        elif step.patch is not None:
            reports = world.patch(step.patch, step.with_ or {})
        elif step.delete is not None:
            reports = world.delete(step.delete)
        elif step.wait is not None:
            reports = world.advance(step.wait.total_seconds())
        elif step.rules is not None:
            assert step.node is not None
            rules = self._course.rules[place]
            world.restore(step.node, rules.text, name=rules.name or "<rules>")
        elif step.flush is not None:
            for node in step.nodes or [one.name for one in world.cluster.nodes]:
                if step.flush == "conntrack":
                    flushed += len(world.flush_conntrack(node))
                else:
                    world.flush_rules(node)
        else:
            reports = _on_kube_proxies(step, world)
        return _Happened(replace(way, world=world), None, reports, flushed)


@dataclass(frozen=True, slots=True)
class _Happened:
    """A step in one way: the way after it, and what there is to say of it."""

    way: Way
    trace: Trace | None
    reports: tuple[SyncReport, ...] = ()
    flushed: int = 0


def _on_kube_proxies(step: StepForm, world: World) -> tuple[SyncReport, ...]:
    """On all nodes named; without names on those that have no rules of their own."""
    nodes = step.nodes or [one.name for one in world.cluster.nodes if one.name not in world.given_rules]
    reports: list[SyncReport] = []
    for node in nodes:
        if step.kube_proxy == "stop":
            world.stop_kube_proxy(node)
        elif step.kube_proxy == "lag":
            world.lag_kube_proxy(node)
        elif step.kube_proxy == "sync":
            reports += world.sync_kube_proxy(node)
        else:
            reports += world.start_kube_proxy(node)
    return tuple(reports)


def _field(step: StepForm, error: InputError) -> str:
    """The field of a step that an error is about."""
    if error.code == "KPS705" and step.pick is not None:
        return "pick"
    if error.code == "KPS703" and step.nodes:
        return "nodes"
    return kubernetes_name(step.verb)


def _trace(happened: Sequence[_Happened]) -> Trace | None:
    traces = [(one.way, one.trace) for one in happened if one.trace is not None]
    return combined(traces) if traces else None


def _deltas(happened: Sequence[_Happened]) -> tuple[Delta, ...]:
    each = zip(*(one.reports for one in happened), strict=True)
    return tuple(Delta(reports[0], _range([len(one.deleted) for one in reports])) for reports in each)


def _range(numbers: Sequence[int]) -> tuple[int, int]:
    return min(numbers), max(numbers)


def _certain(trace: Trace) -> Trace:
    """The one branch of an event that came true, whose chance is that of the way now."""
    (branch,) = trace.branches
    return replace(
        trace, branches=(replace(branch, probability=Fraction(1), probability_kernel=Fraction(1)),)
    )
