"""A browser for the tests that open pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Tab, find_chromium

Open = Callable[..., Tab]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium here")
        pytest.skip("no Chromium here: on Debian, apt-get install chromium-headless-shell")
    with Chromium(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Chromium, tmp_path: Path) -> Iterator[Open]:
    """Opens a page, given as text, in a window of some width."""
    tabs: list[Tab] = []

    def open_text(page: str, **how: str | int) -> Tab:
        path = tmp_path / "page.html"
        path.write_text(page, encoding="utf-8")
        tabs.append(chromium.open(path, **how))  # type: ignore[arg-type]  # width and height among media features
        return tabs[-1]

    yield open_text
    for tab in tabs:
        tab.close()
