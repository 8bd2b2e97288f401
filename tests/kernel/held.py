"""The process that holds a lab's namespaces, from the side of a test."""

import atexit
import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.kernel.plan import Plan

ROOT = Path(__file__).parent.parent.parent

DEADLINE = 60
"""Seconds after which the lab is taken for stuck, and killed."""


class Held:
    """The process that holds the namespaces of a plan, and lets them go at the end. It ends with the process that started it.

    It is kept for the next plan: starting Python takes as long as building a lab. Raises ValueError with what it says if a plan cannot be built.
    """

    _idle: ClassVar[list[subprocess.Popen[str]]] = []

    def __init__(self, plan: Plan) -> None:
        self._process = self._idle.pop() if self._idle else _start()
        try:
            self.ask(asdict(plan))
        except BaseException:
            _end(self._process)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, command: dict[str, Any]) -> Any:
        """Let it do something. Raises ValueError with what it says if that fails, TimeoutError if it says nothing."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with suppress(BrokenPipeError):  # then it has ended, and its last words tell why
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
        if not select.select([process.stdout], [], [], DEADLINE)[0]:
            process.kill()
            raise TimeoutError(f"the lab did not answer {next(iter(command))!r} within {DEADLINE} s")
        line = process.stdout.readline()
        if not line:
            words = process.stderr.read().strip().splitlines()
            raise ValueError(words[-1] if words else f"the lab ended with status {process.wait(5)}")
        answer = json.loads(line)
        if "failed" in answer:
            raise ValueError(answer["failed"])
        return answer["done"]

    def close(self) -> None:
        """Let all namespaces go."""
        try:
            self.ask({"end": None})
        except BaseException:
            _end(self._process)
            raise
        self._idle.append(self._process)


def _start() -> subprocess.Popen[str]:
    # Without site: nothing is needed but the standard library, and it starts in half the time.
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "tests.kernel.inside", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(5)
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        with suppress(BrokenPipeError):
            stream.close()


@atexit.register
def _end_all() -> None:
    while Held._idle:
        _end(Held._idle.pop())
