"""Coverage-guided fuzzing of the reader of dumps. Not part of the ordinary tests; needs atheris:

    pip install atheris
    python tests/fuzz/fuzz_dump.py -max_total_time=600

Whatever the text: it is read, or refused by an InputError that names lines; what was read is printed, and the print
is read again and printed the same. The seeds are the lines of `tests/netfilter/rule_tables.py` and the dumps beside
it. Options are those of libFuzzer; a folder given as an argument keeps what was found.
"""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
atheris = import_module("atheris")

with atheris.instrument_imports(include=["kproxysim"]):
    from kproxysim.errors import InputError
    from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
    from kproxysim.netfilter.ruleset import Ruleset
    from kproxysim.netfilter.script import Family
    from kproxysim.netfilter.targets import EXTENSIONS as TARGETS

from tests.netfilter.rule_tables import ACCEPTED, REFUSED  # noqa: E402, I001 - after what is watched


PLACES = (
    ("filter", "INPUT"),
    ("nat", "PREROUTING"),
    ("nat", "POSTROUTING"),
    ("mangle", "FORWARD"),
    ("raw", "OUTPUT"),
)


def text_of(data: bytes) -> tuple[str, Family]:
    """The first byte tells the family, and whether the rest is a whole text or one rule in one of `PLACES`."""
    kind, rest = data[:1], data[1:].decode("utf-8", "replace")
    family: Family = "ipv6" if kind in b"6abcde" and kind else "ipv4"
    if kind.lower() in b"abcde" and kind:
        table, chain = PLACES[kind.lower()[0] - ord("a")]
        rest = f"*{table}\n:A - [0:0]\n-A {chain} {rest}\nCOMMIT\n"
    return rest, family


def read_print_read(data: bytes) -> None:
    text, family = text_of(data)
    try:
        ruleset = Ruleset.from_save(text, family)
    except InputError as refused:
        if not all(one.position is not None and one.position.line >= 1 for one in refused.diagnostics):
            raise RuntimeError("a refusal names no line") from refused
        return
    saved = ruleset.to_save()
    if Ruleset.from_save(saved, family).to_save() != saved:
        raise RuntimeError("what was printed is read and printed otherwise")


def seeds() -> list[bytes]:
    found = []
    for (table, chain, family), rules in ACCEPTED.items():
        for rule in rules:
            written = rule if isinstance(rule, str) else rule[0]
            found.append(f"{family[-1]}*{table}\n:A - [0:0]\n-A {chain} {written}\nCOMMIT\n".encode())
            if (table, chain) in PLACES:
                letter = "abcde"[PLACES.index((table, chain))]
                found.append(f"{letter if family == 'ipv6' else letter.upper()}{written}".encode())
    for table, lines in REFUSED.items():
        found += [f"4*{table}\n{line}\nCOMMIT\n".encode() for line, _ in lines]
    found += [b"4" + path.read_bytes() for path in sorted((ROOT / "tests/netfilter/dumps").glob("*.rules"))]
    return found


def main() -> None:
    words = {option for one in (*MATCHES.values(), *TARGETS.values()) for option in one.options}
    words |= {f"-m {name}" for name in MATCHES} | {f"-j {name}" for name in TARGETS}
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        dictionary = Path(folder) / "words.dict"
        dictionary.write_text("".join(f'" {word} "\n' for word in sorted(words)), encoding="utf-8")
        found = Path(folder) / "found"
        found.mkdir()
        arguments = [*sys.argv, f"-dict={dictionary}", "-max_len=4096", "-timeout=10"]
        if all(argument.startswith("-") for argument in sys.argv[1:]):
            arguments.append(str(found))
        atheris.Setup([*arguments, folder], read_print_read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
