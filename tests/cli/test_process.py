"""The program as a whole process: exit codes, streams, pipes that close."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

PROGRAM = (sys.executable, "-m", "kproxysim")
ROOT = Path(__file__).parent.parent.parent


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change colours and widths, the package within reach."""
    unwanted = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


@contextmanager
def running(command: tuple[str, ...], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is killed when the test is done with it, and after a minute in any case, so that nobody
    waits for ever for what it was to write.
    """
    with subprocess.Popen(command, **streams) as process:
        limit = threading.Timer(60, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def started(*words: str, **environment: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running(
        (*PROGRAM, *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(**environment),
    )


def finished(*words: str, **environment: str) -> tuple[int, str, str]:
    with started(*words, **environment) as process:
        out, err = process.communicate()
    return process.returncode, out.decode(), err.decode()


def opened_when_read(fifo: Path, process: subprocess.Popen[bytes]) -> BinaryIO:
    """The writing end of a pipe that the program is to read. A program that ended before fails the test: a
    plain open would wait for a reader for ever.
    """
    while True:
        try:
            return os.fdopen(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK), "wb")
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody has it open for reading yet
                raise
        if process.poll() is not None:
            _, err = process.communicate()
            pytest.fail(f"nobody read {fifo.name}: {err.decode()}")
        time.sleep(0.01)


def interrupted(process: subprocess.Popen[bytes]) -> int:
    """How a program ends on Ctrl-C. A signal between the last look for signals and a read that waits is seen
    only after the read, in any Python program, so somebody who waits presses it again.
    """
    while True:
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue


def test_a_program_that_ends_at_once_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "slow.yaml")
    broken = (sys.executable, "-c", "import nothing_of_this_name")
    with (
        running(broken, stderr=subprocess.PIPE) as process,
        pytest.raises(pytest.fail.Exception, match="ModuleNotFoundError"),
    ):
        opened_when_read(tmp_path / "slow.yaml", process)


@pytest.mark.usefixtures("folder")
class TestProcess:
    def test_results_and_nothing_else_on_standard_output(self) -> None:
        code, out, err = finished("trace", "article.yaml", "--packet", "externalip", "--detail", "minimal")
        assert (code, err) == (0, "")
        assert out.startswith("deliver 10.44.0.5:8080 p=1/2 src=10.44.0.1\n")

    def test_mistakes_on_standard_error(self) -> None:
        code, out, err = finished("trace", "article.yaml", "--packet", "nobody")
        assert (code, out) == (2, "")
        assert err.startswith("error[KPS602]: ")
        assert "Traceback" not in err

    def test_usage_errors_are_2_as_well(self) -> None:
        code, out, err = finished("trace", "--nonsense")
        assert (code, out) == (2, "")
        assert "--nonsense" in err

    @pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}, {"NO_COLOR": "1"}])
    def test_no_colour_into_a_pipe(self, environment: dict[str, str]) -> None:
        _, out, _ = finished("trace", "article.yaml", "--packet", "externalip", **environment)
        assert "\x1b" not in out

    def test_a_reader_who_leaves_is_no_error_to_speak_of(self, folder: Path) -> None:
        many = "".join(
            f"---\nkind: Service\napiVersion: v1\nmetadata: {{name: s{number}, namespace: default}}\n"
            f"spec: {{clusterIP: 10.49.{number // 250}.{number % 250 + 1}, ports: [{{port: 80}}]}}\n"
            for number in range(600)
        )
        (folder / "cluster" / "many.yaml").write_text(many)
        with started("rules", "cluster", "--node", "node-a", "-o", "json") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 141

    def test_an_interrupt_is_no_traceback(self, folder: Path) -> None:
        os.mkfifo(folder / "slow.yaml")
        with started("trace", "slow.yaml", "--from", "node/n", "--to", "10.0.0.1:80") as process:
            assert process.stderr is not None
            with opened_when_read(folder / "slow.yaml", process):
                assert interrupted(process) == 130
            assert process.stderr.read() == b""

    def test_a_poor_encoding_stops_nothing(self, folder: Path) -> None:
        scenario = (folder / "article.yaml").read_text().replace("two ways in", "zwei Wege hinein, für 漢")
        (folder / "article.yaml").write_text(scenario, encoding="utf-8")
        code, out, _ = finished("run", "article.yaml", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
        assert code == 0
        assert r"f\xfcr \u6f22" in out


@pytest.mark.usefixtures("folder")
class TestTerminal:
    def run_on_terminal(self, *words: str, **environment: str) -> str:
        """What a terminal of 80 columns is sent."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        with running(
            (*PROGRAM, *words),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=clean_environment(TERM="xterm", **environment),
        ) as process:
            os.close(theirs)
            found = b""
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:
                    break
                if not piece:
                    break
                found += piece
            process.wait()
        os.close(ours)
        return found.decode().replace("\r\n", "\n")

    def test_colour_only_adds(self) -> None:
        words = ("trace", "article.yaml", "--packet", "externalip")
        coloured = self.run_on_terminal(*words)
        bare = self.run_on_terminal(*words, NO_COLOR="1")
        assert "\x1b[" in coloured
        assert "\x1b[" not in bare
        stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
        assert [line.rstrip() for line in stripped.splitlines()] == bare.splitlines()

    def test_lines_fit(self) -> None:
        bare = self.run_on_terminal("trace", "article.yaml", "--packet", "externalip", NO_COLOR="1")
        assert max(map(len, bare.splitlines())) <= 80

    def test_nothing_in_a_result_steers_it(self) -> None:
        out = self.run_on_terminal("rules", "cluster", "--node", "node-a", "-o", "save")
        assert all(line.isprintable() for line in out.split("\n"))
