"""The codes that a trace may have are those that are written and explained."""

import re
from pathlib import Path

from kproxysim.kubeproxy.comments import _FORMS
from kproxysim.netfilter import codes as of_netfilter
from kproxysim.network import codes as of_network
from kproxysim.network.reasons import ADVICE, REASONS

OF_THE_WAY_BACK = {"answer-arrived", "reply-from-stranger"}


def test_every_reason_is_explained_and_every_explanation_is_of_one() -> None:
    explained = {one.code for one in (*of_netfilter.EXPLANATIONS, *of_network.EXPLANATIONS)}
    words = {code for code in explained if not code.startswith("KPS")}
    assert set(REASONS) | set(ADVICE) | OF_THE_WAY_BACK == words


def test_every_reason_that_is_written_is_known(root: Path) -> None:
    package = root / "kproxysim"
    sources = [(package / place).read_text() for place in ("netfilter/passage.py", "network/router.py")]
    sources.append((package / "network/journey.py").read_text())
    written = {
        code for source in sources for code in re.findall(r'(?:reason=|_martian\(skb, )"([a-z-]+)"', source)
    }
    assert len(written) > 15
    assert written <= set(REASONS)
    assert {reason for _, _, reason in _FORMS if reason} <= set(REASONS)


def test_every_advice_that_is_written_is_known(root: Path) -> None:
    source = (root / "kproxysim" / "network" / "advice.py").read_text()
    assert set(re.findall(r'Advice\(\s*"([a-z-]+)"', source)) == set(ADVICE)
