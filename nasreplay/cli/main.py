"""The `nasreplay` command: its subcommands are loaded when used, so that each starts with what it needs only."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys

import click
from click.shell_completion import CompletionItem

from nasreplay import signals
from nasreplay._version import __version__
from nasreplay.errors import Interrupted, NasReplayError, choices, shortened
from nasreplay.files.text import harmless
from nasreplay.jobs import rank_zero
from nasreplay.jobs.rank_zero import RankZeroOutput

ARGUMENTS = "nasreplay.arguments"
"""The context's place for the words of the command line."""
COMPLETE = "_NASREPLAY_COMPLETE"  # by which a shell asks
LONGEST_MESSAGE, LONGEST_USAGE = 4000, 600  # characters of an error, and of one that quotes an option

COMMANDS = {
    "query": "Numbers of architectures: accuracy, rank, cost, neighbors.",
    "replay": "Compare searchers on a table, many replicas at once.",
    "merge": "Join comparisons of replay into one.",
    "search": "Run one searcher, with its full event log.",
    "train": "Train one network by the benchmark's recipe.",
    "retrain": "Train what a search found, or a published network.",
    "evaluate": "Measure a trained network, from a file of weights.",
    "resume": "Continue the run of a folder.",
    "fork": "A new search from a kept epoch of another one.",
    "compare": "A live search and its forks, epoch by epoch.",
    "explain": "Why a live run ended where it did, in points.",
    "gap": "The gap between a live run and the table.",
    "tabulate": "Fill a table from any evaluator; join shards.",
    "correlate": "Rank correlation and top-k overlap of two columns.",
    "convert": "Translate an architecture between its forms.",
    "draw": "Architectures, weights of a search, curves, as figures.",
    "zoo": "Published NASNet-type architectures and their numbers.",
    "data": "Tables: list, info, verify, path, convert, import.",
}

# what `pip install nasreplay` does not bring: the packages of its extras, by the module that is imported
EXTRAS = {
    "live": {
        "torch": "PyTorch",
        "torchvision": "torchvision",
        "tensorboard": "TensorBoard",
        "sklearn": "scikit-learn",
        "PIL": "Pillow",
        "pooch": "pooch",
    },
    "export": {"safetensors": "safetensors", "onnx": "ONNX", "onnxscript": "ONNX Script"},
    "frames": {"pandas": "pandas"},
    "official": {"nats_bench": "the official package nats-bench"},
}


class Group(click.Group):
    """A group that shows its help where no subcommand is named, and knows what a misspelled one means."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options of the group; what remains is its subcommand's."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        ctx.meta.setdefault(ARGUMENTS, list(args))
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand that is asked for; a wrong name is answered with the nearest one."""
        known = self.list_commands(ctx)
        if not (args[0] in known or args[0].startswith("-") or ctx.resilient_parsing):
            raise click.UsageError(f"unknown command {shortened(args[0])}{choices(args[0], known)}")
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose subcommand NAME is the attribute NAME of nasreplay.cli.NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"nasreplay.cli.{cmd_name}"), cmd_name)
        gc.freeze()  # what is imported lasts: `__main__` put off looking for garbage in it
        gc.enable()
        if COMPLETE in os.environ:
            from nasreplay.cli.completion import complete

            complete(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of subcommands and options, without importing the subcommands."""
        named = [
            CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)
        ]
        return named + (
            click.Command.shell_complete(self, ctx, incomplete) if incomplete.startswith("-") else []
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error (works after any command).")
@click.version_option(__version__)
def cli(debug: bool) -> None:
    """One search algorithm, two worlds: replay it on a table in milliseconds, run it live, measure the gap."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error becomes one line on stderr and an exit status (1 failed run, 2 bad input).

    Ctrl-C ends with status 130 and SIGTERM with 143, unless all that was asked for is done.
    """
    if own_process := arguments is None:
        signals.install()
    arguments = sys.argv[1:] if arguments is None else arguments
    debug, output = "--debug" in arguments, RankZeroOutput()
    try:
        _run(output.join([argument for argument in arguments if argument != "--debug"]))
        sys.stdout.flush()
        output.leave()
        status = 0
    except click.exceptions.Exit as end:
        status = end.exit_code
    except (Interrupted, click.Abort, KeyboardInterrupt) as end:
        output.error(f"nasreplay: {_line(str(end) or 'interrupted', end)}")
        status = signals.status()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output (head, less) has gone: nothing is wrong
        status = 0
    except Exception as error:
        if debug:
            raise
        text, status = _explained(error, arguments, output)
        output.error(f"nasreplay: error: {_line(text, error)}")
    if own_process:
        signals.ignore()
    sys.exit(status)


def _run(arguments: list[str]) -> None:
    if COMPLETE in os.environ:
        cli.main(arguments, prog_name="nasreplay")
    with cli.make_context("nasreplay", arguments) as context:  # click's main prints a line at Ctrl-C
        cli.invoke(context)


def _line(text: str, error: BaseException) -> str:
    """A message and its notes, such as how a run continues, on one line."""
    return harmless("; ".join([text, *getattr(error, "__notes__", ())]), most=LONGEST_MESSAGE)


def _explained(error: Exception, arguments: list[str], output: RankZeroOutput) -> tuple[str, int]:
    """What to print of an error, and the exit status."""
    match error:
        case ModuleNotFoundError(name=str(name)) if not name.startswith("nasreplay"):
            return _needs(name.split(".")[0], arguments), 2
        case click.ClickException():
            return harmless(error.format_message(), most=LONGEST_USAGE), error.exit_code
        case NasReplayError():
            return str(error), error.exit_status
        case OSError(errno=errno.ENAMETOOLONG):
            return f"{harmless(str(error.filename))}: the name is too long for a file", 2
        case OSError():
            return f"{error.strerror or error}: {error.filename or ''}", 1
        case MemoryError() | RuntimeError() if _lacks_memory(error):
            return (
                f"not enough memory ({error or 'of the machine'}): make it smaller, such as replicas or batches",
                1,
            )
        case _ if output.lost(error):
            return rank_zero.LOST, 1
        case _:
            return f"{type(error).__name__}: {error} (a bug in nasreplay; --debug shows where)", 1


def _lacks_memory(error: Exception) -> bool:
    """Whether memory was refused, by Python, NumPy or PyTorch."""
    words = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def _needs(module: str, arguments: list[str]) -> str:
    """The command, the package that it lacks, and the line that installs it."""
    words = " ".join(arguments).replace("=", " ").split()
    command = ["nasreplay", *[word for word in words if word in COMMANDS][:1]]
    if "--evaluator" in words[:-1]:
        command += ["--evaluator", words[words.index("--evaluator") + 1]]
    for extra, packages in EXTRAS.items():
        if module in packages:
            return f"{' '.join(command)} needs {packages[module]}: pip install 'nasreplay[{extra}]'"
    return f"{' '.join(command)} needs {module}: pip install nasreplay"


if __name__ == "__main__":
    main()
