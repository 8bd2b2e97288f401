"""How long a whole command takes, and how that compares with loading pydantic: python -m tests.benchmarks.start

Each command is a process of its own, with byte code written: `kproxysim --help`, and a trace, a run and the rules of a
small world. In turns with them runs `python -c "import pydantic"`, which every command but --help has to do as well; shown
are the medians, and the medians of the ratios within a turn, which a machine that changes its speed does not disturb.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TURNS = 15
KPROXYSIM = (sys.executable, "-m", "kproxysim")
COMMANDS: dict[str, tuple[str, ...]] = {
    'python -c "import pydantic"': (sys.executable, "-c", "import pydantic"),
    **{
        words: (*KPROXYSIM, *words.split())
        for words in (
            "--help",
            "trace scenarios/nodeport-on-gke.yaml --packet by-node-a",
            "trace scenarios/manifests --from internet/203.0.113.7 --to 198.51.100.12:80",
            "run scenarios/nodeport-on-gke.yaml",
            "rules scenarios/manifests --node node-a",
        )
    },
}


def seconds(command: tuple[str, ...]) -> float:
    """One process, from its start to its end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main() -> None:
    for command in COMMANDS.values():
        seconds(command)  # writes the byte code
    turns = [[seconds(command) for command in COMMANDS.values()] for _ in range(TURNS)]
    say = sys.stdout.write
    say(f"whole processes, medians of {TURNS}\n")
    for name, taken in zip(COMMANDS, zip(*turns, strict=True), strict=True):
        ratio = statistics.median(one / turn[0] for one, turn in zip(taken, turns, strict=True))
        say(f"{name:<76}  {statistics.median(taken) * 1000:>5.0f} ms  {ratio:>5.2f}\n")


if __name__ == "__main__":
    main()
