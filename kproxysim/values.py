"""Slotted dataclasses that are quick to define.

`dataclass` here is the standard library's, and to a type checker nothing else. The standard library compiles
six methods for each frozen class, used or not: 0.5 ms, and a command loads 120 such classes. Here a
method is compiled when it is first called, a class costs 0.08 ms, and making a value takes half the time.
What a class is and does stays the same; `tests/test_values.py` holds it equal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
    from inspect import Signature

__all__ = ["dataclass"]

Method = Callable[..., Any]

if not TYPE_CHECKING:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, **options):
        """As `dataclasses.dataclass`; quicker for a class that is slotted and wants no rarer option."""

        def decorate(one):
            if slots and not options:
                return _slotted(one, frozen, eq)
            return dataclasses.dataclass(one, frozen=frozen, slots=slots, eq=eq, **options)

        return decorate if cls is None else decorate(cls)


def _slotted(cls: type, frozen: bool, eq: bool) -> type:
    own = vars(cls)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    if any(not one.init or one.kw_only or one.hash is not None for one in dataclasses.fields(made)):
        raise TypeError(f"{cls.__name__}: a field of kind the quick dataclass does not know")
    if "__init__" not in own:
        made.__init__ = _compiled_later(made, "__init__", _write_init)
        made.__signature__ = _SignatureLater(made)
    if "__repr__" not in own:
        made.__repr__ = _repr
    if eq and "__eq__" not in own:
        made.__eq__ = _compiled_later(made, "__eq__", _write_eq)
    if eq and own.get("__hash__") is None:
        made.__hash__ = _compiled_later(made, "__hash__", _write_hash) if frozen else None
    if frozen:
        made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
        made.__getstate__, made.__setstate__ = _state, _set_state
    return made  # type: ignore[no-any-return]


def _compiled_later(made: Any, name: str, write: Callable[[Any], Method]) -> Method:
    """A method that puts the real one into its place when it is first called."""

    def method(self: object, /, *args: object, **named: object) -> Any:
        real = write(made)
        setattr(made, name, real)
        return real(self, *args, **named)

    return method


def _compiled(made: Any, head: str, lines: list[str], names: dict[str, Any]) -> Method:
    source = "\n ".join((f"def {head}:", *lines))
    exec(source, names)  # noqa: S102 - the names of fields, as the standard library does it
    method: Method = names[head.partition("(")[0]]
    method.__qualname__ = f"{made.__qualname__}.{method.__name__}"
    method.__module__ = made.__module__
    return method


def _write_init(made: Any) -> Method:
    """Each field is set through its slot, which takes half the time of `object.__setattr__`."""
    names: dict[str, Any] = {}
    parameters, lines = ["self"], []
    for field in dataclasses.fields(made):
        name, value = field.name, field.name
        names[f"__set_{name}"] = getattr(made, name).__set__
        if field.default is not MISSING:
            names[f"__default_{name}"] = field.default
            parameters.append(f"{name}=__default_{name}")
        elif field.default_factory is not MISSING:
            names |= {f"__default_{name}": _BY_FACTORY, f"__make_{name}": field.default_factory}
            parameters.append(f"{name}=__default_{name}")
            value = f"__make_{name}() if {name} is __default_{name} else {name}"
        else:
            parameters.append(name)
        lines.append(f"__set_{name}(self, {value})")
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    init = _compiled(made, f"__init__({', '.join(parameters)})", lines or ["pass"], names)
    init.__annotations__ = {field.name: field.type for field in dataclasses.fields(made)} | {"return": None}
    return init


_BY_FACTORY = type("_HAS_DEFAULT_FACTORY_CLASS", (), {"__repr__": lambda _: "<factory>"})()
"""Stands for a default that is made anew each time, and looks in a signature as the standard library's."""


def _compared(made: Any, owner: str) -> str:
    names = [field.name for field in dataclasses.fields(made) if field.compare]
    return "(" + "".join(f"{owner}.{name}, " for name in names) + ")"


def _write_eq(made: Any) -> Method:
    lines = [
        "if other.__class__ is not self.__class__: return NotImplemented",
        f"return {_compared(made, 'self')} == {_compared(made, 'other')}",
    ]
    return _compiled(made, "__eq__(self, other)", lines, {})


def _write_hash(made: Any) -> Method:
    return _compiled(made, "__hash__(self)", [f"return hash({_compared(made, 'self')})"], {})


@recursive_repr()
def _repr(self: Any) -> str:
    shown = [f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


class _SignatureLater:
    """What `inspect.signature` says of a class: that of its `__init__`, without `self`."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __get__(self, instance: object, owner: type) -> Signature:
        import inspect  # noqa: PLC0415 - for whoever asks

        signature = inspect.signature(_write_init(self._made))
        return signature.replace(parameters=list(signature.parameters.values())[1:])


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
