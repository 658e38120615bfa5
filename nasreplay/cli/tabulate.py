"""`nasreplay tabulate`: a table out of any evaluator, in parts if need be, and the parts joined."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli.inputs import given
from nasreplay.cli.options import EVALUATOR, PATH, command_line, options_of, refuse_others
from nasreplay.cli.progress import Progress
from nasreplay.cli.views.fold import show
from nasreplay.errors import BadSetting
from nasreplay.jobs import evaluator_kinds
from nasreplay.jobs.tabulation import TabulationSettings

if TYPE_CHECKING:
    from nasreplay.data.pack import Pack

WHAT = ("archs", "out", "run", "evaluator")  # is asked beside the settings


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK…]")
@click.option("--run", type=PATH, metavar="DIR", help="Ask a live run's last shared weights.")
@EVALUATOR
@options_of(TabulationSettings, *evaluator_kinds.owners(), but=("gradient", "samples"))
@click.option("--archs", metavar="FILE|-", help="Only these, one a line, in any spelling. Default: all.")
@click.option(
    "--merge", "merging", is_flag=True, help="Join PACKs, made with --shard or of other architectures."
)
@click.option("--out", required=True, type=PATH, metavar="PACK", help="The .h5 file to write.")
def tabulate(
    packs: tuple[str, ...],
    run: Path | None,
    evaluator: str,
    archs: str | None,
    merging: bool,
    out: Path,
    **values: Any,
) -> None:
    """Ask an evaluator for every architecture and write the answers as a table for query, replay and search.

    The answers so far are kept in PACK.log; a tabulation that was killed goes on with the same command and comes
    to the same bytes. What is not measured stays unknown.

    \b
    nasreplay tabulate --dataset cifar10 --trial 777 --out trial777.h5
    nasreplay tabulate --sample 500 --shard 1/2 --out a.h5
    nasreplay tabulate --evaluator my.py:score --out mine.h5
    nasreplay tabulate --merge a.h5 b.h5 --out whole.h5
    """
    from nasreplay.evaluate.tabulate.to_pack import merge
    from nasreplay.jobs import tabulation

    if merging:
        refuse_others("with --merge", also=("packs", "merging", "out"))
        if len(packs) < 2:
            raise BadSetting("--merge needs two packs or more")
        _tell(merge(packs, out))
        return
    if packs:
        raise BadSetting(f"{packs[0]}: packs are for --merge; a table to read is named with --table")
    if run:
        refuse_others("with --run", TabulationSettings, also=("run", "data", "threads", "archs", "out"))
    else:
        own = evaluator_kinds.EVALUATORS.named(evaluator).owners()
        refuse_others(f"with --evaluator {evaluator}", TabulationSettings, *own, also=WHAT)
    texts = given([archs]) if archs else None
    with Progress("tabulating", "architectures") as bar:
        asked = {"run": run, "archs": texts, "tell": bar.tell, "show": bar, "command": command_line()}
        pack = tabulation.tabulate(out, evaluator, **asked, **values)
    _tell(pack)  # when the bar has gone


def _tell(pack: Pack) -> None:
    show(f"{pack.path}: {pack.title}; it holds {pack.holdings()}")
