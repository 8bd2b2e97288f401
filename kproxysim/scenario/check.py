"""Does a packet become what was expected? If not: what was wanted, what came, and where the two part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from typing import Any

from kproxysim.cluster.base import kubernetes_name
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Nearest, Reached, Trace
from kproxysim.packet import format_endpoint
from kproxysim.scenario.expectation import ANYBODY, NO_REPLY, Outcome
from kproxysim.scenario.shares import NOBODY, shares_text
from kproxysim.scenario.stations import first_missing, passed
from kproxysim.values import dataclass

__all__ = ["Check", "Failure", "failures_of", "receiver_name", "spread_failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One field of an expectation that does not hold. `where` is the place at which wanted and got part."""

    field: str
    wanted: str
    got: str
    where: str = ""

    def __str__(self) -> str:
        text = f"{self.field}: wanted {self.wanted}, got {self.got}"
        return f"{text}; they part at {self.where}" if self.where else text


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation held against what happened. `expectation` is as it stands in the file.

    - `packet`: the name of the packet that it is about; of a step "" where it sends none.
    - `trace`: what became of that packet, None where there is none.
    - `step`, `event`: the number of the step, from 1, and what happened; 0 and "" at the start.
    """

    packet: str
    expectation: Mapping[str, Any]
    failures: tuple[Failure, ...]
    trace: Trace | None
    step: int = 0
    event: str = ""

    @property
    def title(self) -> str:
        """What it is about, for people."""
        return f"step {self.step}, {self.event}" if self.step else self.packet

    @property
    def passed(self) -> bool:
        """Does all of it hold?"""
        return not self.failures

    @property
    def message(self) -> str:
        """A line for each field that does not hold: what was wanted, what came, where they part."""
        return "\n".join(str(failure) for failure in self.failures)


def failures_of(
    outcome: Outcome, trace: Trace, chains: Mapping[str, Collection[str]], edge: str
) -> tuple[Failure, ...]:
    """What does not hold of a packet's outcome.

    `chains` are the names of `chain_names`, `edge` is the kind of the edge.
    """
    return tuple(_Comparison(outcome, trace, chains, edge).failures())


@dataclass(frozen=True, slots=True)
class _Comparison:
    """An expectation beside a trace."""

    expectation: Outcome
    trace: Trace
    chains: Mapping[str, Collection[str]]
    edge: str

    def failures(self) -> Iterator[Failure]:
        """In the order of the fields in the docs."""
        wanted = self.expectation
        yield from self._shares(
            "reaches", wanted.reaches, lambda branch: _receiver(branch, wanted.reaches or {}), _end
        )
        yield from self._shares("disposition", wanted.disposition, lambda branch: branch.disposition, _end)
        yield from self._shares("reason", wanted.reason, lambda branch: branch.reason, _end)
        yield from self._shares("client", wanted.client, lambda branch: branch.client_sees, _way_back)
        yield from self._shares(
            "source", wanted.source, lambda branch: _source(branch, wanted.source or {}), _source_changed
        )
        yield from self._sees()
        yield from self._through()
        yield from self._avoids()
        yield from self._shares("reply", wanted.reply, _reply, _way_back)
        yield from self._nearest()
        yield from self._advice()

    def _shares(
        self,
        field: str,
        wanted: Mapping[str, Fraction] | None,
        of: Callable[[Branch], str],
        place: Callable[[Branch], str],
    ) -> Iterator[Failure]:
        """The spread of one trait over the branches."""
        if wanted is None:
            return
        got: dict[str, Fraction] = {}
        for branch in self.trace:
            got[of(branch)] = got.get(of(branch), Fraction(0)) + branch.probability
        odd = next((one for one in self.trace if of(one) not in wanted), None) or next(
            (one for one in self.trace if got[of(one)] != wanted[of(one)]), None
        )
        yield from spread_failure(field, wanted, got, place(odd) if odd is not None else "")

    def _sees(self) -> Iterator[Failure]:
        for name, address in (self.expectation.sees or {}).items():
            met = [one for one in self.trace if one.delivered_to and _is_called(one, name)]
            if not met:
                yield Failure(
                    "sees",
                    f"{address} at {name or 'the receiver'}",
                    "nothing there",
                    _end(self.trace.branches[0]),
                )
            for branch in met:
                if str(branch.packet.src) != address:
                    receiver = name or _receiver(branch, {})
                    yield Failure(
                        "sees", f"{address} at {receiver}", str(branch.packet.src), _source_changed(branch)
                    )
                    break

    def _through(self) -> Iterator[Failure]:
        for branch in self.trace:
            missing = first_missing(self.expectation.through, passed(branch, self.chains, self.edge))
            if missing is not None:
                after = f"a way without it after {missing.after}" if missing.after else "a way without it"
                yield Failure("through", missing.name, after, missing.where or _end(branch))
                return

    def _avoids(self) -> Iterator[Failure]:
        for branch in self.trace:
            for station in passed(branch, self.chains, self.edge):
                met = next((name for name in self.expectation.avoids if name in station.names), None)
                if met is not None:
                    yield Failure("avoids", f"a way without {met}", "one through it", station.where)
                    return

    def _nearest(self) -> Iterator[Failure]:
        form = self.expectation.nearest
        if form is None:
            return
        wanted = {
            name: getattr(form, name) for name in type(form).model_fields if name in form.model_fields_set
        }
        for branch in self.trace:
            nearest = branch.nearest
            if nearest is None:
                yield Failure("nearest", _words(wanted), "no rule that came near", _end(branch))
                return
            got = _traits(nearest)
            odd = [name for name in wanted if got[name] != wanted[name]]
            if odd:
                asked, came = (_words({name: of[name] for name in odd}) for of in (wanted, got))
                yield Failure("nearest", asked, came, nearest.at)
                return

    def _advice(self) -> Iterator[Failure]:
        for branch in self.trace:
            given = [advice.code for advice in branch.advice]
            for code in self.expectation.advice:
                if code not in given:
                    yield Failure("advice", code, ", ".join(given) or "none", _end(branch))
                    return


def spread_failure(
    field: str, wanted: Mapping[str, Fraction], got: Mapping[str, Fraction], where: str = ""
) -> Iterator[Failure]:
    """What there is to say where words are to be spread so, and are spread otherwise."""
    if dict(got) != dict(wanted):
        yield Failure(field, shares_text(wanted), shares_text(got), where)


def _traits(nearest: Nearest) -> dict[str, Any]:
    """What an expectation may say of the nearest rule."""
    origin = nearest.origin
    return {
        "object": origin.object if origin else "",
        "field": origin.field if origin else "",
        "failed": nearest.field,
        "wanted": nearest.wanted,
        "had": nearest.had,
        "as_dialled": nearest.as_dialled,
    }


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{kubernetes_name(name)} {value}" for name, value in values.items())


def _names(reached: Reached) -> tuple[str, ...]:
    """All that a receiver may be called, the plainest first."""
    address = format_endpoint(reached.ip, reached.port)
    if reached.kind == "process":
        return f"node/{reached.node}", address, reached.ip
    return tuple(name for name in (reached.pod, address, reached.ip) if name)


def receiver_name(reached: Reached) -> str:
    """Whoever took a packet, by the plainest name."""
    return _names(reached)[0]


def _receiver(branch: Branch, wanted: Collection[str]) -> str:
    """Who took the packet, by the name that was used for it."""
    if branch.delivered_to is None:
        return NOBODY
    names = _names(branch.delivered_to)
    return next((name for name in names if name in wanted), names[0])


def _is_called(branch: Branch, name: str) -> bool:
    return name == ANYBODY or (branch.delivered_to is not None and name in _names(branch.delivered_to))


def _source(branch: Branch, wanted: Collection[str]) -> str:
    """What became of the source: its address if an address was asked for, else the word."""
    address = str(branch.packet.src)
    return (
        address
        if address in wanted or not {"kept", "masqueraded", "changed"} & set(wanted)
        else branch.source
    )


def _reply(branch: Branch) -> str:
    return NO_REPLY if branch.reply is None else branch.reply.disposition


def _end(branch: Branch) -> str:
    """Where the way out ended: the last step, and the rule that was hoped for."""
    last = next((f"{hop.where} {step.at}" for hop, step in reversed(list(branch.steps()))), "")
    text = f"{last or 'the sender'} ({branch.disposition}, {branch.reason})"
    nearest = branch.nearest
    if nearest is not None:
        text += f"; nearest {nearest.at}: {nearest.field} is {nearest.had}, the rule wants {nearest.wanted}"
    return text


def _way_back(branch: Branch) -> str:
    """Where the way back ended, if it began at all."""
    reply = branch.reply
    if reply is None or branch.delivered_to is None:
        return _end(branch)
    steps = [(hop, step) for hop in reply.hops for step in hop.steps]
    last = f"{steps[-1][0].where} {steps[-1][1].at}" if steps else "the receiver"
    return f"{last} on the way back ({reply.disposition}, {reply.reason})"


def _source_changed(branch: Branch) -> str:
    """The step that changed the source, or the end of a way on which none did."""
    for hop, step in branch.steps():
        if step.before.src != step.after.src and not isinstance(step, Walked):
            return f"{hop.where} {step.at}: {step.action}"
    return f"{_end(branch)}; nothing changed the source"
