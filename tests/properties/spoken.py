"""How often a law had something to say: one that is never asked holds, and says nothing."""

from collections.abc import Mapping

from hypothesis import settings

_MANY = 100
"""Of fewer examples, other ones each time, none may happen to be about a law."""


def check_spoke(spoke: Mapping[str, int], drawn: settings) -> None:
    """Fails for a law that spoke of less than a tenth of the examples drawn for it; of no example at all, where
    few are drawn and always the same.
    """
    least = drawn.max_examples // 10 if drawn.max_examples >= _MANY else int(drawn.derandomize)
    silent = {name: times for name, times in spoke.items() if times < least}
    assert not silent, f"of {drawn.max_examples} examples too few were about these: {silent}"
