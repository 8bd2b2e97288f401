"""Records whose fields are worked out when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

__all__ = ["FilledLater"]


class FilledLater:
    """In front of a slotted dataclass: each field left empty is made by the method `_make_FIELD`, once.

    An empty slot asks `__getattr__`; a full one never does, so the second reading costs nothing.
    """

    __slots__ = ()
    _makers: ClassVar[dict[str, Callable[[Any], object]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._makers = {
            name.removeprefix("_make_"): make for name, make in vars(cls).items() if name.startswith("_make_")
        }

    def __getattr__(self, name: str) -> Any:
        make = self._makers.get(name)
        if make is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = make(self)
        object.__setattr__(self, name, value)
        return value
