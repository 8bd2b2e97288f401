"""A page as one file: its style and its program inside, and a policy under which nothing else is loaded or
run.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from kproxysim.report.html.elements import Child, Element, Verbatim, element
from kproxysim.report.plain import plain

__all__ = ["document", "json_script", "style"]


def document(
    title: str,
    *body: Child,
    styles: Sequence[str],
    scripts: Sequence[str] = (),
) -> str:
    """The page. `styles` and `scripts` are files of this package; what these read stands in the body."""
    css = style(styles)
    program = _program(scripts) if scripts else None
    policy = [
        "default-src 'none'",
        f"style-src {_digest(css)}",
        *([f"script-src {_digest(program)}"] if program else ()),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content="; ".join(policy)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content="kproxysim"),
        element("title", title),
        element("style", css),
    )
    ending = None if program is None else element("script", program)
    page = element("html", head, element("body", *body, ending), lang="en", class_="kproxysim")
    return f"<!DOCTYPE html>\n{page}\n"


def json_script(data: Mapping[str, Any]) -> Element:
    """What a program reads, in an element that is no program."""
    return element("script", Verbatim(_as_json(data)), type="application/json")


def style(names: Sequence[str]) -> Verbatim:
    """Files of this package, one after the other."""
    return Verbatim("\n".join(_text(name) for name in names))


def _program(names: Sequence[str]) -> Verbatim:
    """Files of this package as one script in a scope of its own."""
    return Verbatim('"use strict";\n(() => {\n' + "\n".join(_text(name) for name in names) + "})();\n")


def _text(name: str) -> str:
    return files("kproxysim.report.html").joinpath(name).read_text(encoding="utf-8")


def _digest(content: Verbatim) -> str:
    """An inline style or script as a Content-Security-Policy allows it: by what it says."""
    return f"'sha256-{b64encode(hashlib.sha256(content.text.encode()).digest()).decode()}'"


def _as_json(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: without `<`, nothing in it can end the element."""
    text = json.dumps(_shown(data), separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shown(value: Any) -> Any:
    """The same values, every text of them as it may be shown."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {name: _shown(one) for name, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value
