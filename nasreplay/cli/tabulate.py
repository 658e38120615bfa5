"""`nasreplay tabulate`: a table out of any evaluator, in parts if need be, and the parts joined."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli import evaluators, live, options
from nasreplay.cli.inputs import given
from nasreplay.cli.progress import Progress
from nasreplay.errors import BadInput, BadSetting

if TYPE_CHECKING:
    import numpy as np

    from nasreplay.data.pack import Pack
    from nasreplay.spaces import Space

WHAT = ("trial", "archs", "sample", "seed", "shard", "out")  # is asked; the other options say who


@click.command(short_help="Fill a table from any evaluator; join shards.")
@click.argument("packs", nargs=-1, metavar="[PACK…]")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Ask a live run's last shared weights.",
)
@options.together(evaluators.EVALUATOR, evaluators.DATASET, options.TABLE, options.RECIPE, *live.ALL)
@click.option("--trial", metavar="mean|SEED[,SEED…]", help="What to ask for. Default: the mean of a table.")
@click.option("--archs", metavar="FILE|-", help="Only these, one a line, in any spelling. Default: all.")
@click.option("--sample", type=int, metavar="N", help="Only N architectures, drawn uniformly with --seed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of --sample.")
@click.option("--shard", default="1/1", metavar="i/n", help="Only the i-th of n parts, counted from 1.")
@click.option(
    "--merge", "merging", is_flag=True, help="Join PACKs, made with --shard or of other architectures."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="PACK", help="The .h5 file to write."
)
def tabulate(packs: tuple[str, ...], merging: bool, out: Path, **chosen: Any) -> None:
    """Ask an evaluator for every architecture and write the answers as a table for query, replay and search.

    The answers so far are kept in PACK.log; a tabulation that was killed goes on with the same command and comes
    to the same bytes. What is not measured stays unknown.

    \b
    nasreplay tabulate --dataset cifar10 --trial 777 --out trial777.h5
    nasreplay tabulate --sample 500 --shard 1/2 --out a.h5
    nasreplay tabulate --merge a.h5 b.h5 --out whole.h5
    """
    from nasreplay.evaluate.tabulate.to_pack import merge

    if merging:
        _refuse_all_but("--merge", "packs", "merging", "out")
        if len(packs) < 2:
            raise BadSetting("--merge needs two packs or more")
        _tell_pack(merge(packs, out))
        return
    if packs:
        raise BadSetting(f"{packs[0]}: packs are for --merge; a table to read is named with --table")
    _tell_pack(_tabulate(out, chosen))


def _tabulate(out: Path, chosen: dict[str, Any]) -> Pack:
    from nasreplay.evaluate.tabulate import tabulate as run

    trial, shard = _trials(chosen["trial"]), _shard(chosen["shard"])
    evaluator = _evaluator(chosen)
    evaluator.space.count()  # refuses spaces that no table can hold
    codes = _codes(evaluator.space, chosen)
    try:
        with Progress("tabulating", "architectures") as tell:
            return run(evaluator, codes, out, trial=trial, shard=shard, progress=tell)
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; the same command goes on where it ended") from None


def _evaluator(chosen: dict[str, Any]) -> Any:
    if chosen["folder"] is None:
        if chosen["evaluator"] == "supernet" and chosen["weights"] is None:
            raise BadSetting(
                "a fresh supernet has learned nothing: give --run DIR, a search whose weights answer"
            )
        evaluators.refuse_idle(chosen["evaluator"], {"trial"})
        return evaluators.evaluator_of({**chosen, "trial": None})
    _refuse_all_but("--run", "folder", *WHAT)
    return live.of_run(chosen["folder"])[0]


def _refuse_all_but(reason: str, *names: str) -> None:
    every = {option.name or "" for option in click.get_current_context().command.params}
    options.refuse_given(f"with {reason}", every - {*names})


def _codes(space: Space, chosen: dict[str, Any]) -> np.ndarray | None:
    """Codes int8 [N, D] of --archs or --sample; None for the whole space."""
    from nasreplay.seeds import Stream
    from nasreplay.spaces.read import read_many

    count = chosen["sample"]
    if chosen["archs"] is not None:
        if count is not None:
            raise BadSetting("--archs and --sample exclude each other")
        return space.codes(read_many(_lines(chosen["archs"]), space=space)[1])
    if count is None:
        return None
    if not 1 <= count <= space.size:
        raise BadSetting(f"--sample {count}: must be 1 to {space.size:,}, the size of the {space.name} space")
    return space.codes(Stream(chosen["seed"], "sample").at().permutation(space.size)[0, :count])


def _lines(file: str) -> list[str]:
    if file == "-":
        return given(["-"])
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise BadInput(f"--archs {file}: cannot be read: {problem.strerror}") from None
    return [line for line in text.splitlines() if line.strip()]


def _trials(text: str | None) -> tuple[int, ...] | str | None:
    """Seeds, or mean; None for what the evaluator is set to."""
    if text is None or text == "mean":
        return text
    seeds = [seed.strip() for seed in text.split(",")]
    if not all(seed.isascii() and seed.isdecimal() for seed in seeds):
        raise BadSetting(f"--trial {text!r}: must be mean, or seeds such as 777 or 777,888")
    return tuple(map(int, seeds))


def _shard(text: str) -> tuple[int, int]:
    number, slash, parts = text.partition("/")
    if not (slash and number.isascii() and number.isdecimal() and parts.isascii() and parts.isdecimal()):
        raise BadSetting(f"--shard {text!r}: must be i/n, such as 1/4 to 4/4")
    return int(number), int(parts)


def _tell_pack(pack: Pack) -> None:
    click.echo(f"{pack.path}: {pack.title}; it holds {pack.holdings()}")
