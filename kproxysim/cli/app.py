"""The commands and their options. What a command does is in the module of its name, loaded when it runs."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kproxysim.cli.output import complain, prepare_streams
from kproxysim.errors import Diagnostic, InputError, KproxysimError, Severity

__all__ = ["app"]

_INTERRUPTED = 130
_BROKEN_PIPE = 141
"""As a shell reports a program that was ended by SIGINT or SIGPIPE."""


class Commands(TyperGroup):
    """The one place where a mistake of the user's becomes a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out a command."""
        prepare_streams()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except InputError as error:
            complain(error.diagnostics)
            raise typer.Exit(2) from None
        except KproxysimError as error:
            complain([Diagnostic(error.code, Severity.ERROR, str(error))])
            raise typer.Exit(2) from None
        except BrokenPipeError:
            _forget_output()
            raise typer.Exit(_BROKEN_PIPE) from None
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            complain(
                [Diagnostic("KPS806", Severity.ERROR, f"{name}{(error.strerror or str(error)).lower()}")]
            )
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        return result


def _forget_output() -> None:
    """Nobody reads any more: what is left in the buffer must not fail a second time when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    name="kproxysim",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class RunOutput(StrEnum):
    """Forms of the results of a run."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


class TraceOutput(StrEnum):
    """Forms of a trace."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"
    HTML = "html"


class Detail(StrEnum):
    """How much of a trace the text shows."""

    FULL = "full"
    SUMMARY = "summary"
    MINIMAL = "minimal"
    KERNEL = "kernel"


class RulesOutput(StrEnum):
    """Forms of a node's rules."""

    RESTORE = "restore"
    SAVE = "save"
    JSON = "json"
    DOT = "dot"
    MERMAID = "mermaid"
    DELTA = "delta"


class CompareOutput(StrEnum):
    """Forms of a comparison."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"
    HTML = "html"


class LessonOutput(StrEnum):
    """Forms of a lesson."""

    TEXT = "text"
    HTML = "html"


class Family(StrEnum):
    """Address families."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class SchemaName(StrEnum):
    """What there is a JSON Schema of."""

    SCENARIO = "scenario"
    TRACE = "trace"
    LESSON = "lesson"


Files = Annotated[
    list[str] | None,
    typer.Option(
        "-f", "--filename", metavar="SOURCE", help="A source, as kubectl names it.", show_default=False
    ),
]
Version = Annotated[
    str | None,
    typer.Option(
        "--kube-proxy-version", metavar="V", help="Kubernetes minor, such as 1.30.", show_default=False
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="A KubeProxyConfiguration.", show_default=False),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Take warnings about the input for errors.", show_default=False)
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Say more: notes, what was passed over.", show_default=False)
]


At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="STEP", help="After this step of the scenario, by name or number.", show_default=False
    ),
]

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", help="Scenario, folder, manifests, or -", show_default=False),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from kproxysim.version import __version__

        typer.echo(f"kproxysim {__version__}")
        raise typer.Exit


def _named(positional: list[str] | None, files: list[str] | None) -> list[str]:
    """The sources, however they were named. Raises typer.BadParameter for none."""
    names = [*(positional or ()), *(files or ())]
    if not names:
        raise typer.BadParameter("give at least one", param_hint="SOURCE")
    return names


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version.", show_default=False
        ),
    ] = False,
) -> None:
    """Follow packets through the iptables rules that kube-proxy writes.

    SOURCE is a scenario file, a folder of them, or Kubernetes manifests as kubectl prints them (- for
    standard input). Exit codes: 0 all well, 1 an expectation failed, 2 input that can't be used.
    """


@app.command()
def run(
    source: Sources = None,
    filename: Files = None,
    output: Annotated[
        RunOutput, typer.Option("-o", "--output", help="Form of the results.")
    ] = RunOutput.TEXT,
    kube_proxy_version: Version = None,
    strict: Strict = False,
    verbose: Verbose = False,
) -> None:
    """Replay scenarios and check what they expect.

    Without SOURCE, the folder "scenarios". One line for each scenario, the expectations that failed, and a
    count.
    """
    from kproxysim.cli.run import run as run_scenarios
    from kproxysim.cli.sources import Settings

    names = [*(source or ()), *(filename or ())]
    settings = Settings(version=kube_proxy_version, strict=strict, verbose=verbose)
    raise typer.Exit(run_scenarios(names, output.value, settings))


@app.command()
def trace(
    source: Sources = None,
    filename: Files = None,
    sender: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHO",
            help="Who sends: internet/203.0.113.7, node/NAME, pod/NAMESPACE/NAME, an address, a client.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="HOST:PORT",
            help="What is dialled: 198.51.100.12:80, [2001:db8::1]:53/udp. tcp unless /udp or /sctp follows.",
            show_default=False,
        ),
    ] = None,
    packet: Annotated[
        str | None,
        typer.Option(
            "--packet",
            metavar="NAME",
            help="A packet of the scenario, in place of --from and --to.",
            show_default=False,
        ),
    ] = None,
    at: At = None,
    via: Annotated[
        str | None,
        typer.Option(
            "--via",
            metavar="NODE",
            help="The node at which the cloud lets the packet in.",
            show_default=False,
        ),
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            "--pick",
            metavar="ENDPOINT",
            help="Only the ways that reach this pod or address.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", help="Draw one way, as the kernel would.", show_default=False),
    ] = None,
    detail: Annotated[
        Detail | None,
        typer.Option("--detail", help="How much the text shows.  [default: full]", show_default=False),
    ] = None,
    reply: Annotated[
        bool, typer.Option("--reply", help="Show the way of the answer as well.", show_default=False)
    ] = False,
    output: Annotated[
        TraceOutput, typer.Option("-o", "--output", help="Form of the trace.")
    ] = TraceOutput.TEXT,
    kube_proxy_version: Version = None,
    config: Config = None,
    node_facts: Annotated[
        list[str] | None,
        typer.Option(
            "--node-facts",
            metavar="FILE",
            help="What iptables-save printed on a node, in place of rules that kube-proxy would write.",
            show_default=False,
        ),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="NAME", help="The node of --node-facts.", show_default=False),
    ] = None,
    strict: Strict = False,
    verbose: Verbose = False,
) -> None:
    """Follow one packet and explain what becomes of it.

    With --at alone: the packet of that step.
    """
    names = _named(source, filename)
    if packet is not None and (sender is not None or to is not None):
        raise typer.BadParameter("a packet has its sender and destination", param_hint="--packet")
    if pick is not None and seed is not None:
        raise typer.BadParameter("one way is either picked or drawn", param_hint="--pick")
    if output is not TraceOutput.TEXT and (detail is not None or reply):
        raise typer.BadParameter("--detail and --reply are for text", param_hint="--output")
    if detail not in (None, Detail.FULL) and reply:
        raise typer.BadParameter("only the full text shows the answer", param_hint="--reply")
    own = at is not None and packet is None and sender is None and to is None
    if own and (seed is not None or via is not None):
        raise typer.BadParameter("a step's own packet was sent already", param_hint="--at")
    if node is not None and not node_facts:
        raise typer.BadParameter("it says which node --node-facts is of", param_hint="--node")
    from kproxysim.cli.sources import Settings
    from kproxysim.cli.trace import Asked, Shape
    from kproxysim.cli.trace import trace as trace_packet

    trace_packet(
        names,
        Asked(packet, sender, to, via, pick, seed, at),
        Shape(output.value, (detail or Detail.FULL).value, reply),
        Settings(kube_proxy_version, config, tuple(node_facts or ()), node, strict, verbose),
    )


@app.command()
def rules(
    *,
    source: Sources = None,
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="NAME", help="Which node, if there are several.", show_default=False),
    ] = None,
    filename: Files = None,
    family: Annotated[Family, typer.Option("--family", help="Address family.")] = Family.IPV4,
    output: Annotated[
        RulesOutput,
        typer.Option(
            "-o",
            "--output",
            help="restore: kube-proxy's own text. save: all tables. delta: what it wrote in a step.",
        ),
    ] = RulesOutput.RESTORE,
    at: At = None,
    kube_proxy_version: Version = None,
    config: Config = None,
    strict: Strict = False,
    verbose: Verbose = False,
) -> None:
    """Print the rules of one node."""
    from kproxysim.cli.rules import rules as print_rules
    from kproxysim.cli.sources import Settings

    if output is RulesOutput.DELTA and at is None:
        raise typer.BadParameter("delta is what was written in a step: add --at", param_hint="--output")
    settings = Settings(kube_proxy_version, config, strict=strict, verbose=verbose)
    print_rules(_named(source, filename), node, family.value, output.value, settings, at)


@app.command()
def compare(
    *,
    source: Sources = None,
    left: Annotated[str, typer.Argument(metavar="PACKET", help="One packet of the scenario.")],
    right: Annotated[str, typer.Argument(metavar="PACKET", help="The other.")],
    filename: Files = None,
    output: Annotated[
        CompareOutput, typer.Option("-o", "--output", help="Form of the comparison.")
    ] = CompareOutput.TEXT,
    kube_proxy_version: Version = None,
    strict: Strict = False,
    verbose: Verbose = False,
) -> None:
    """Hold two packets of a scenario side by side.

    Shows where their ways part and where they meet, and says what follows from that.
    """
    from kproxysim.cli.compare import compare as compare_packets
    from kproxysim.cli.sources import Settings

    if not source and not filename:
        raise typer.BadParameter("give a scenario and two of its packets", param_hint="PACKET")

    settings = Settings(version=kube_proxy_version, strict=strict, verbose=verbose)
    compare_packets(_named(source, filename), left, right, output.value, settings)


@app.command()
def lesson(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A lesson, or a file with one.", show_default=False)
    ] = None,
    output: Annotated[
        LessonOutput | None,
        typer.Option("-o", "--output", help="Form of the whole lesson, all at once.", show_default=False),
    ] = None,
) -> None:
    """Teach one thing, packet by packet. Without NAME: list the lessons.

    On a terminal step by step, with a guess before each answer. -o html is a page with the same guesses, and
    with traces that can be stepped through.
    """
    if name is None and output is not None:
        raise typer.BadParameter("name the lesson that it is the form of", param_hint="--output")
    from kproxysim.cli.lesson import lesson as give_lesson

    give_lesson(name, None if output is None else output.value)


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="KPS104, no-endpoints, ...")] = None,
) -> None:
    """Say what a code means. Without CODE: list all."""
    from kproxysim.cli.explain import explain as explain_code

    explain_code(code)


@app.command()
def schema(
    name: Annotated[SchemaName, typer.Argument(help="Of what.")] = SchemaName.SCENARIO,
) -> None:
    """Print the JSON Schema of scenario files, of traces, or of lessons."""
    from kproxysim.cli.schema import schema as print_schema

    print_schema(name.value)


@app.command()
def version() -> None:
    """Show the version."""
    _show_version(True)
