"""How often a law had something to say: one that is never asked holds, and says nothing."""

from collections.abc import Mapping

from hypothesis import settings


def check_spoke(spoke: Mapping[str, int]) -> None:
    """Fails for a law that spoke of too few of the examples drawn for it."""
    least = 1 if settings().derandomize else 30
    silent = {name: times for name, times in spoke.items() if times < least}
    assert not silent, f"of too few examples spoke {silent}"
