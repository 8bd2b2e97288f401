"""A mapping with cheap copies is a dictionary with dear ones."""

from hypothesis import given
from hypothesis import strategies as st

from kproxysim.netfilter.overlay import Overlay

KEYS = st.integers(0, 9)
PUT = st.tuples(st.just("put"), st.integers(0, 3), KEYS, st.integers())
TAKE = st.tuples(st.just("take"), st.integers(0, 3), KEYS, st.none())
FORK = st.tuples(st.just("fork"), st.integers(0, 3), st.none(), st.none())
CLEAR = st.tuples(st.just("clear"), st.integers(0, 3), st.none(), st.none())


@given(st.lists(PUT | PUT | TAKE | FORK | CLEAR, max_size=60))
def test_an_overlay_is_a_dictionary(steps: list[tuple[str, int, int | None, int | None]]) -> None:
    """Whatever is done to copies of copies, each holds what a dictionary copied item by item would hold."""
    pairs: list[tuple[Overlay[int, int], dict[int, int]]] = [(Overlay(), {})]
    for what, which, key, value in steps:
        overlay, wanted = pairs[which % len(pairs)]
        if what == "put":
            assert key is not None
            assert value is not None
            overlay[key] = wanted[key] = value
        elif what == "take":
            assert key is not None
            assert overlay.pop(key) == wanted.pop(key, None)
        elif what == "clear":
            overlay.clear()
            wanted.clear()
        else:
            pairs.append((overlay.fork(), dict(wanted)))
        for each, dictionary in pairs:
            assert each.to_dict() == dictionary
            assert all(each.get(one) == dictionary.get(one) for one in range(10))


def test_many_copies_of_a_copy_stay_shallow() -> None:
    """10,000 copies, each with one change: no more layers than the logarithm of what is in them."""
    overlay: Overlay[int, int] = Overlay()
    for number in range(10_000):
        overlay = overlay.fork()
        overlay[number] = number
    assert len(overlay._below) <= 14
    assert len(overlay.to_dict()) == 10_000
