"""`nasreplay resume`, and `--out DIR --resume`: a run goes on with the settings that its folder records."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nasreplay.cli.main import ARGUMENTS
from nasreplay.cli.options import PATH
from nasreplay.cli.views.fold import show
from nasreplay.data.cards import CARDS
from nasreplay.errors import BadInput, BadOutput, BadSetting
from nasreplay.files.atomic import write_whole
from nasreplay.files.text import check_regular, harmless, place
from nasreplay.files.typed import LONGEST, parse_json, read_json
from nasreplay.jobs import rank_zero
from nasreplay.runs.folder import OUTCOME, read_header, resumed_by
from nasreplay.settings import Json

RUNS = ("search", "fork", "train", "retrain")  # which take --resume
TABLES = ("replay", "tabulate")  # which go on by themselves where --out is there
FREE = {"out", "resume", "as_json", "data", "download", "device", "threads", "workers", "save_every", "keep"}
"""Options that change no number of a run."""
LENGTHENS = {
    "search": {"epochs"},
    "fork": {"epochs"},
    "train": {"epochs", "export", "table"},
    "retrain": {"epochs", "export", "table"},
}
"""Options of what may be done besides when a run goes on."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run", metavar="DIR", type=PATH)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
@click.pass_context
def resume(context: click.Context, run: Path, options: tuple[str, ...]) -> None:
    """Continue the run that the folder DIR holds, of search, train, retrain or replay; or the PACK of a tabulate.

    Nothing else is needed: the folder knows its settings. OPTIONS are those of its command that change no number,
    such as --threads or --json. What is finished prints its result.
    """
    run = run.with_suffix("") if run.suffix == ".log" else run
    if run.is_file() and not _log(run).exists():
        from nasreplay.data.pack import Pack

        show(f"{run}: finished; it holds {Pack(run).holdings()}")
        return
    begun = (
        not (run / "run.json").exists() and _log(run).exists()
    )  # killed.log beside killed/ may be anything
    record = _first_line(_log(run)) if begun else read_header(run)
    name, *arguments = _recorded(run, record)
    here = Path.cwd() / run
    if name in RUNS:
        arguments, where = [*options, "--out", str(run), "--resume"], None
    else:
        seed = ["--seed", str(record["seed"])] if name == "replay" else []
        arguments, where = [*arguments, *options, "--out", str(here), *seed], _folder(record)
        context.meta[ARGUMENTS] = [name, *arguments]
    assert context.parent
    command = context.parent.command.get_command(context.parent, name)  # pyright: ignore
    moved = contextlib.chdir(where) if where else contextlib.nullcontext()
    with moved, command.make_context(name, arguments, parent=context.parent) as inner:
        command.invoke(inner)


def continued(values: Json) -> Json:
    """The values of a command; with --resume those of the run in --out, besides what was given now.

    Raises BadSetting for an option of a run on images that differs from the run's: it would read other images first.
    """
    context, run = click.get_current_context(), Path(values["out"] or "")
    if not values["resume"] or not (run / "run.json").exists():
        return values
    header = read_header(run)
    if not header.get("command"):
        return values  # made in Python: what differs is found when the folder is opened
    name, *arguments = _recorded(run, header)
    if name != context.info_name:
        raise BadSetting(f"{run} holds a run of `nasreplay {name}`: `{resumed_by(run)}` continues it")
    try:
        before = context.command.make_context(name, arguments).params
    except click.UsageError as problem:
        raise BadOutput(f"{run / 'run.json'}: its command: {problem.format_message()}") from None
    before |= {"seed": header["seed"], "out": values["out"], "resume": True}
    longer, where = LENGTHENS.get(name, set()), _folder(header)
    moves = where is not None and where != Path.cwd()
    for option in context.command.params:
        key = str(option.name)
        if context.get_parameter_source(key) is not ParameterSource.COMMANDLINE:
            continue
        was, now = before[key], _absolute(values[key]) if moves else values[key]
        if key == "dataset" and not any(
            card.is_named(name) for card in CARDS.values() for name in (was, now) if name
        ):
            was, now = (
                None,
                os.path.abspath(now) if os.path.isdir(now) else now,
            )  # images of one's own are compared when they have been read
        if key not in FREE | longer and before.get("evaluator") != "table" and was not in (None, values[key]):
            raise BadSetting(
                f"{option.get_error_hint(context)}: {run} holds a run with {key} = {was}, now {now}: leave it out "
                f"(`{resumed_by(run)}` needs nothing else), or choose another --out"
            )
        before[key] = now
        if key in longer:
            several = now if isinstance(now, tuple) else (now,)
            arguments += [word for one in several for word in (option.opts[0], str(one))]
    context.meta[ARGUMENTS] = [name, *arguments]
    if where and moves:
        before["out"] = str(_absolute(run)) if isinstance(values["out"], str) else _absolute(run)
        context.with_resource(contextlib.chdir(where))
    return before


def _absolute(value: Any) -> Any:
    """A given value for a command that runs in another folder."""
    if isinstance(value, tuple):
        return tuple(map(_absolute, value))
    return Path.cwd() / value if isinstance(value, Path) else value


def told_before(values: Json) -> bool:
    """Print the outcome of a run that is finished, and say whether it was."""
    if not values["resume"] or not values["out"] or values.get("evaluator") == "table":
        return False  # a table is read in no time
    context, file = click.get_current_context(), Path(values["out"]) / OUTCOME
    more = LENGTHENS.get(context.info_name or "", set())
    again = any(context.get_parameter_source(key) is ParameterSource.COMMANDLINE for key in more)

    def read() -> Json | None:
        if again or not file.exists():
            return None
        found = read_json(file, Json, error=BadOutput)
        text, facts = found.get("text"), found.get("facts")
        if not isinstance(text, str) or not isinstance(facts, dict):
            raise BadOutput(f"{file}: damaged; delete it")
        return {"text": "\n".join(harmless(line, LONGEST) for line in text.splitlines()), "facts": facts}

    outcome = rank_zero.broadcast(read)
    if outcome:
        _show(outcome["text"], outcome["facts"], values["as_json"])
    return bool(outcome)


def tell(folder: Path, text: str, facts: Json, as_json: bool) -> None:
    """Print the outcome of a run that has ended, and keep it in the folder."""
    if rank_zero.is_first():
        write_whole(folder / OUTCOME, json.dumps({"text": text, "facts": facts}).encode())
    _show(text, facts, as_json)


def _show(text: str, facts: Json, as_json: bool) -> None:
    click.echo(json.dumps(facts, indent=1)) if as_json else show(text)


def _log(run: Path) -> Path:
    """The log of an unfinished tabulation."""
    return run.parent / f"{run.name}.log"  # with_name knows no folder called .


def _first_line(log: Path) -> Json:
    try:
        check_regular(log)
        with log.open("rb") as stream:
            return parse_json(stream.readline(1_000_000), Json, "its first line")
    except BadInput as problem:
        raise BadOutput(f"{place(log)}: not the log of a tabulation ({problem})") from None


def _recorded(run: Path, record: Json) -> list[str]:
    """The name of the command that made a run, and its arguments. Raises BadOutput."""
    command = record.get("command")
    typed = (
        command.split(" && ")[-1] if isinstance(command, str) else ""
    )  # the last that a comparison grew by
    try:
        words = shlex.split(typed)[1:]
    except ValueError:  # a quotation that has no end
        words = []
    while words and words[0].startswith("-"):
        words.pop(0)
    if not words or words[0] not in RUNS + TABLES:
        raise BadOutput(
            f"{run} does not say which command made it: continue it from Python, or by its own command"
        )
    if words[0] != "tabulate" and "seed" not in record:
        raise BadOutput(f"{run} does not say the seed of its run: give its own command again, `{command}`")
    if "-" in words:
        raise BadOutput(f"{run} read standard input: give its own command again, `{command}`")
    return [word for word in words if word != "--debug"]


def _folder(record: Json) -> Path | None:
    """The working folder of the command, which its paths are relative to; None where it is not known."""
    where = record.get("working_folder")
    return Path(where) if isinstance(where, str) and os.path.isdir(where) else None
