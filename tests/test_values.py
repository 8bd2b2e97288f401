"""A quick dataclass is the standard library's in everything but the time it takes to define."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from kproxysim import values

Decorator = Callable[..., Any]


def family(dataclass: Decorator) -> tuple[Any, Any, Any, Any]:
    """The same four classes, made by either decorator: plain, derived, with methods of its own, by identity."""

    @dataclass(frozen=True, slots=True)
    class Plain:
        """A value."""

        kind: ClassVar[str] = "plain"
        first: int
        second: tuple[str, ...] = ("a",)
        third: list[int] = dataclasses.field(default_factory=list, compare=False)
        fourth: str = dataclasses.field(default="", repr=False)
        constant = 7

    @dataclass(frozen=True, slots=True)
    class Derived(Plain):
        """A value of more."""

        fifth: int = 5

        def __post_init__(self) -> None:
            if self.fifth < 0:
                raise ValueError("negative")

    @dataclass(frozen=True, slots=True)
    class Own:
        """A value that says itself what it is equal to."""

        number: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and self.number % 10 == other.number % 10

        def __hash__(self) -> int:
            return self.number % 10

        def __repr__(self) -> str:
            return "own"

    @dataclass(frozen=True, slots=True, eq=False)
    class ByIdentity:
        """Nothing but itself."""

        number: int

    return Plain, Derived, Own, ByIdentity


QUICK, STANDARD = family(values.dataclass), family(dataclasses.dataclass)
PAIRS = list(zip(QUICK, STANDARD, strict=True))


@values.dataclass(frozen=True, slots=True)
class Stored:
    """A value that can be found again by name."""

    number: int
    text: str = "x"


@pytest.mark.parametrize("quick, standard", PAIRS)
class TestTheSame:
    def test_class(self, quick: Any, standard: Any) -> None:
        assert quick.__match_args__ == standard.__match_args__
        assert quick.__slots__ == standard.__slots__
        assert quick.__doc__ == standard.__doc__
        assert [one.name for one in dataclasses.fields(quick)] == [
            one.name for one in dataclasses.fields(standard)
        ]

    def test_signature_before_and_after_use(self, quick: Any, standard: Any) -> None:
        wanted = inspect.signature(standard)
        assert str(inspect.signature(quick)) == str(wanted)
        quick(1)
        assert str(inspect.signature(quick)) == str(wanted)
        assert inspect.signature(quick.__init__) == inspect.signature(quick.__init__)
        assert quick.__init__.__annotations__ == standard.__init__.__annotations__

    def test_text(self, quick: Any, standard: Any) -> None:
        assert repr(quick(1)) == repr(standard(1))

    @pytest.mark.parametrize("given", [(), (1, 2, 3, 4, 5, 6)])
    def test_arguments_that_do_not_fit(self, quick: Any, standard: Any, given: tuple[int, ...]) -> None:
        with pytest.raises(TypeError) as wanted:
            standard(*given)
        with pytest.raises(TypeError) as had:
            quick(*given)
        assert str(had.value) == str(wanted.value)

    def test_equality_and_hash(self, quick: Any, standard: Any) -> None:
        for first in (1, 2, 11):
            for second in (1, 2, 11):
                wanted = standard(first) == standard(second)
                assert (quick(first) == quick(second)) is wanted
                assert (quick(first) != quick(second)) is not wanted
                assert (len({quick(first), quick(second)}) == 1) is wanted
        assert quick(1) != standard(1)
        assert quick(1).__eq__(1) == standard(1).__eq__(1)

    def test_nothing_can_be_changed(self, quick: Any, standard: Any) -> None:
        name = quick.__match_args__[0]
        for made in (quick(1), standard(1)):
            with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
                setattr(made, name, 2)
            with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete field '{name}'"):
                delattr(made, name)
            assert getattr(made, name) == 1
            assert not hasattr(made, "__dict__")

    def test_replace_and_copy(self, quick: Any, standard: Any) -> None:
        name = quick.__match_args__[0]
        for made in (quick(1), standard(1)):
            assert getattr(dataclasses.replace(made, **{name: 3}), name) == 3
            assert getattr(copy.copy(made), name) == getattr(copy.deepcopy(made), name) == 1


def test_defaults() -> None:
    plain, derived, _, _ = QUICK
    one, other = plain(1), plain(1)
    assert (one.second, one.third, one.fourth, one.constant, one.kind) == (("a",), [], "", 7, "plain")
    assert one.third is not other.third
    assert hash(one) == hash((1, ("a",), "")) == hash(STANDARD[0](1))
    assert dataclasses.asdict(derived(2, fifth=6, third=[1])) == dataclasses.asdict(
        STANDARD[1](2, fifth=6, third=[1])
    )
    assert derived(1) != plain(1)
    with pytest.raises(ValueError, match="negative"):
        derived(1, fifth=-1)


def test_pickle() -> None:
    assert pickle.loads(pickle.dumps(Stored(3))) == Stored(3)  # noqa: S301 - our own bytes


def test_a_base_is_not_spoilt_by_what_is_derived_from_it() -> None:
    plain, derived, _, _ = family(values.dataclass)
    assert derived(1, fifth=2).fifth == 2
    assert plain(1).first == 1
    assert derived(1) == derived(1)
    assert plain(1) == plain(1)


@pytest.mark.parametrize("dataclass", [values.dataclass, dataclasses.dataclass])
def test_what_is_not_frozen_can_be_changed(dataclass: Decorator) -> None:
    @dataclass(slots=True)
    class Changes:
        number: int = 0
        others: list[int] = dataclasses.field(default_factory=list)

    changes = Changes()
    changes.number = 1
    changes.others.append(2)
    assert changes == Changes(1, [2]) != Changes(1)
    assert repr(changes).endswith("Changes(number=1, others=[2])")
    assert copy.deepcopy(changes) == changes
    with pytest.raises(TypeError, match="unhashable"):
        hash(changes)


def test_rarer_options_are_the_standard_library_s() -> None:
    @values.dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        number: int

    assert Ordered(1) < Ordered(2)


def test_an_unusual_field_is_refused() -> None:
    def define() -> None:
        @values.dataclass(frozen=True, slots=True)
        class Unusual:
            """A class with a field that its caller may not give."""

            number: int = dataclasses.field(default=0, init=False)

    with pytest.raises(TypeError, match="Unusual"):
        define()
