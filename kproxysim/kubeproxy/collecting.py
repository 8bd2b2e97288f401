"""Python's cyclic garbage collector, and when it is in the way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cyclic garbage inside.

    Compiling makes hundreds of thousands of objects, no cycle among them, and each time their number has
    grown by a quarter the collector walks over the whole cluster as well: 2.2 against 1.1 seconds for 10,000
    Services.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
