"""Choices: each way that things may go, with its fraction, and one way drawn."""

import random
from fractions import Fraction

import pytest

from kproxysim.netfilter.chance import Alternative, Chance, Draw, Enumeration, enumerate_runs

THIRDS = [
    Alternative(label, Fraction(1, 3), kernel)
    for label, kernel in (("a", Fraction(1, 4)), ("b", Fraction(1, 2)), ("c", Fraction(1, 4)))
]
COIN = [
    Alternative("heads", Fraction(1, 2), Fraction(1, 2)),
    Alternative("tails", Fraction(1, 2), Fraction(1, 2)),
]
SELDOM = [
    Alternative(name, Fraction(share), Fraction(share)) for name, share in (("x", 0), ("y", 1), ("z", 0))
]


class Bits(random.Random):
    """Gives the bits that it was given."""

    def __init__(self, *drawn: int) -> None:
        super().__init__(0)
        self.drawn = list(drawn)

    def getrandbits(self, count: int) -> int:
        assert count == 31  # as `prandom_u32() & 0x7FFFFFFF` in xt_statistic.c
        return self.drawn.pop(0)


@pytest.mark.parametrize(
    "bits, index",
    [(0, 0), ((1 << 29) - 1, 0), (1 << 29, 1), ((3 << 29) - 1, 1), (3 << 29, 2), ((1 << 31) - 1, 2)],
)
def test_a_draw_goes_by_the_kernels_fractions(bits: int, index: int) -> None:
    """`statistic_mt`: a match where 31 random bits are below the probability."""
    assert Draw(Bits(bits)).choose(THIRDS) == index


def test_a_draw_remembers_the_chances_of_what_it_drew() -> None:
    draw = Draw(Bits(0, 1 << 30, 1 << 30))
    assert draw.meant == draw.kernel == 1
    assert [draw.choose(ways) for ways in (THIRDS, THIRDS, COIN)] == [0, 1, 1]
    assert (draw.meant, draw.kernel) == (Fraction(1, 18), Fraction(1, 16))


def spelled(chance: Chance) -> str:
    """Two of three letters, and a coin behind an `a`."""
    word = "abc"[chance.choose(THIRDS)]
    if word == "a":
        word += "HT"[chance.choose(COIN)]
    return word + "abc"[chance.choose(THIRDS)]


def test_every_way_is_gone_once_in_order() -> None:
    runs = [(word, chance.meant, chance.kernel) for chance, word in enumerate_runs(spelled)]
    assert [word for word, _, _ in runs] == [
        "aHa", "aHb", "aHc", "aTa", "aTb", "aTc", "ba", "bb", "bc", "ca", "cb", "cc",
    ]  # fmt: skip
    assert runs[1] == ("aHb", Fraction(1, 18), Fraction(1, 16))
    assert runs[7] == ("bb", Fraction(1, 9), Fraction(1, 4))
    assert sum(meant for _, meant, _ in runs) == sum(kernel for _, _, kernel in runs) == 1


def test_what_cannot_happen_is_not_gone() -> None:
    assert [index for _, index in enumerate_runs(lambda chance: chance.choose(SELDOM))] == [1]
    mixed = enumerate_runs(lambda chance: (chance.choose(COIN), chance.choose(SELDOM), chance.choose(COIN)))
    assert [way for _, way in mixed] == [(0, 1, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1)]


def test_an_enumeration_tells_what_it_chose_among() -> None:
    run = Enumeration([2])
    assert run.meant == run.kernel == 1
    assert (run.choose(THIRDS), run.choose(COIN)) == (2, 0)
    assert run.taken == [(2, tuple(THIRDS)), (0, tuple(COIN))]
    assert run.following() == [2, 1]
    assert Enumeration().following() is None
