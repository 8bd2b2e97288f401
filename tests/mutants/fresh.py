"""A pytest plugin: the tests of each mutant begin with nothing remembered.

mutmut forks a process for each mutant from one that has run the tests already. What a cache kept from then, or what
was made while modules were loaded, would answer in the place of the mutant.
"""

from __future__ import annotations

import os
import sys

from tests.mutants.generated import LOADED_ANEW

__all__: list[str] = []


def pytest_configure() -> None:
    """Remember nothing, or load all of the package and the tests anew."""
    if os.environ.get(LOADED_ANEW):
        kept = ("tests.mutants", "kproxysim.testing.plugin")
        for name in list(sys.modules):
            if name.startswith(("kproxysim.", "tests.")) and not name.startswith(kept):
                del sys.modules[name]
    else:
        _forget()


def pytest_runtest_setup() -> None:
    """While mutmut notes which test calls which function, none may find an answer that another one left."""
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        _forget()


def _forget() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("kproxysim."):
            for one in list(vars(module).values()):
                forget = getattr(one, "cache_clear", None)
                if callable(forget):
                    forget()
    syntax = sys.modules.get("kproxysim.netfilter.syntax")
    if syntax is not None:
        syntax._known.clear()
