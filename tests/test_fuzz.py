"""Whatever comes from outside is a value or one named error on one short line: thousands of spoiled inputs.

`python -m tests.test_fuzz SEED COUNT` runs a longer campaign and says what it tried.
"""

import io
import json
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np
import pytest
import torch

from nasreplay import config, search
from nasreplay.cli.main import COMMANDS, LONGEST_USAGE, cli
from nasreplay.data import custom_dataset
from nasreplay.data.importers import csv_to_pack
from nasreplay.data.locate import open_table
from nasreplay.data.pack import Pack
from nasreplay.errors import NasReplayError
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.table.table_settings import TableSettings
from nasreplay.files.text import harmless
from nasreplay.jobs.comparison import ReplaySettings
from nasreplay.jobs.named_files import named_file
from nasreplay.jobs.queries import QuerySettings
from nasreplay.jobs.searches.task import SearchSettings
from nasreplay.jobs.tabulation import TabulationSettings
from nasreplay.jobs.training.training_settings import RetrainSettings, TrainSettings
from nasreplay.jobs.training.training_target import read_target
from nasreplay.live.evaluator_settings import ScratchSettings, SupernetSettings
from nasreplay.live.trained import shared_weights
from nasreplay.models.shared_networks import NETWORKS
from nasreplay.replay.protocols import protocol_named
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import RunFolder, latest_state, result_of
from nasreplay.runs.store import read_comparison, write_comparison
from nasreplay.search.changes import changes_of
from nasreplay.settings import chosen, settings_of
from nasreplay.spaces import TOPOLOGY, space_named
from nasreplay.spaces.genotypes import notation
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.logits import read_logits
from nasreplay.spaces.read import read, read_architecture, read_many, read_named
from nasreplay.train.checkpoint import Checkpoints, save_checkpoint
from nasreplay.train.device import device_named
from nasreplay.train.foreign.seed_file import held_trainings
from nasreplay.train.foreign.weights_file import take_weights, weights_of
from nasreplay.train.recipe import recipe_of
from tests.runs.test_hostile_results import seal
from tests.support import fabricate
from tests.support.crafted_packs import sign
from tests.support.sample_packs import random_columns, write

LONGEST_ERROR = 600
INPUTS = 20_000
PIECES = (
    *(
        "",
        "0",
        "-1",
        "1e308",
        "nan",
        "inf",
        "9" * 30,
        "9" * 5000,
        "1e-320",
        "٥",
        "\x1b[31m",
        "\r\n",
        "\0",
        "‮",
        "\ud83d",
    ),
    *(
        "(",
        ")" * 3,
        "[" * 200,
        "{",
        "}",
        ",",
        ":",
        "=",
        "|",
        "~",
        "+",
        "'",
        '"',
        "#",
        "\\",
        "/",
        "..",
        "$",
        "%s",
        "é",
    ),
    *(
        "None",
        "True",
        "null",
        "range(10**9)",
        "[]",
        "{}",
        "Genotype(",
        "-",
        "1/0",
        "1_0",
        " ",
        "\t",
        "a" * 150,
    ),
)
VALUES = (
    *(
        None,
        True,
        -1,
        0,
        10**30,
        2**63,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "x\n\x1b[0m",
        "9" * 200,
        [],
        {},
        [[]],
        {"a": 1},
    ),
    *([None] * 3, {"": None}, [1, [2, [3]]], "topology", "cifar10"),
)
TENSORS = (torch.zeros(2), torch.zeros(0), torch.full((2, 2), float("nan")), torch.zeros(3, dtype=torch.int8))


def spoiled(text: str, chance: random.Random) -> str:
    """A text with some letters, tokens and pieces changed, doubled or gone."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, end = sorted(chance.choices(range(len(text) + 1), k=2))
        end = min(end, at + chance.choice((0, 1, 3, 12, 60)))
        what = chance.randrange(5)
        new = (
            chance.choice(PIECES),
            chr(chance.choice((chance.randrange(32, 127), chance.randrange(0xD800), 0))),
            text[at:end] * 2,
            text[at:end][::-1],
            "",
        )[what]
        text = text[:at] + new + text[end:]
    return text.encode("utf-8", "replace").decode()


def warped(value: Any, chance: random.Random, leaves: tuple[Any, ...] = VALUES) -> Any:
    """A nested value with one part of another kind, gone, doubled or spoiled."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key, copied = chance.choice(list(keys)), value.copy()
        if chance.random() < 0.1:
            del copied[key]
        else:
            copied[key] = warped(value[key], chance, leaves)
        return copied
    if isinstance(value, str) and chance.random() < 0.4:
        return spoiled(value, chance)
    return chance.choice(leaves)


Parse = Callable[[random.Random, Path], object]


def texts(*valid: str) -> Callable[[Callable[[str], object]], Parse]:
    """A parser of texts, given spoiled ones."""

    def decorate(parse: Callable[[str], object]) -> Parse:
        return lambda chance, folder: parse(spoiled(chance.choice(valid), chance))

    return decorate


CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|"
GENOTYPE = entry("DARTS_V2").genotype
NOTATIONS = tuple(
    write(GENOTYPE)
    for write in (
        notation.to_darts,
        notation.to_xautodl,
        notation.to_cnas,
        notation.to_cnas_json,
        lambda one: json.dumps(notation.to_mapping(one)),
    )
)
ARCHITECTURES = (
    CELL,
    "333133",
    "9930",
    "8:16:24:32:40",
    "DARTS_V2",
    f"# x\n2019 genotype = {NOTATIONS[0]}\n",
    *NOTATIONS,
    '{"0_1": "none", "0_2": "none", "1_2": "none"}',
    json.dumps({"arch_str": CELL}),
    f"A = {NOTATIONS[0]}\nB = {NOTATIONS[0]}",
)
MATRIX = [[0, 0, 0, 0], [1, 0, 0, 0], [2, 3, 0, 0], [4, 0, 1, 0]]
MAPPING = json.loads(NOTATIONS[3])
OWNERS = (
    QuerySettings,
    ReplaySettings,
    SearchSettings,
    TableSettings,
    SupernetSettings,
    ScratchSettings,
    TabulationSettings,
    TrainSettings,
    RetrainSettings,
    *dict.fromkeys(NETWORKS.values()),
)
WORDS = (
    "1",
    "777,888",
    "1/4",
    "mean",
    "0.5",
    "200",
    "rea",
    "cifar10",
    "topology",
    "cos",
    "x.config",
    "cuda:1",
    "my.py:NAME",
    "NAME=classes:10,resolution:32",
)


def architecture(chance: random.Random, folder: Path) -> object:
    text = spoiled(chance.choice(ARCHITECTURES), chance)
    space = space_named(chance.choice(("topology", "size", "nasnet")))
    return chance.choice(
        (
            lambda: read(text),
            lambda: read(text, index=True),
            lambda: read_architecture(text, space=space),
            lambda: read_many([CELL, text], faults=[]),
            lambda: read_named(text, "A"),
            lambda: read_target(text),
        )
    )()


def matrix(chance: random.Random, folder: Path) -> object:
    value = warped(chance.choice((MATRIX, MAPPING, [MATRIX], {"arch": MAPPING})), chance)
    return read_architecture(value if chance.random() < 0.7 else json.dumps(value))


def changed(chance: random.Random, folder: Path) -> object:
    kind = search.SEARCHERS[chance.choice(list(search.SEARCHERS))]
    name = chance.choice(list(kind().settings()) or ["x"])
    text = f"{kind.name}.{name}={chance.choice((*PIECES, '3', '0.1', '0.5,0.9'))}"
    if chance.random() < 0.5:
        text = spoiled(text, chance)
    for name, changes in changes_of((), (text,), search.SEARCHERS).items():
        search.make(name, changes)
    return None


def config_file(chance: random.Random, folder: Path) -> object:
    valid = chance.choice(sorted((config.folder() / "algos").glob("*.config")))
    text = valid.read_text()
    text = spoiled(text, chance) if chance.random() < 0.4 else json.dumps(warped(json.loads(text), chance))
    file = folder / valid.name
    file.write_text(text)
    for name, changes in changes_of((file,), (), search.SEARCHERS).items():
        search.make(name, changes)
    opts = chance.choice(sorted((config.folder() / "opts").glob("*.config")))
    (folder / "r.config").write_text(json.dumps(warped(json.loads(opts.read_text()), chance)))
    return recipe_of(str(folder / "r.config"))


def setting(chance: random.Random, folder: Path) -> object:
    owner = chance.choice(OWNERS)
    one = chance.choice([name for name, one in settings_of(owner).items() if one.form.shown] or ["bn"])
    value = (
        chance.choice((*VALUES, *PIECES)) if chance.random() < 0.5 else spoiled(chance.choice(WORDS), chance)
    )
    made: Any = chosen(owner, {one: value})
    return [getattr(made, name) for name in ("part", "trials") if hasattr(owner, name)]


def option(chance: random.Random, folder: Path) -> object:
    command: Any = commands()[chance.choice(list(COMMANDS))]
    one = chance.choice(
        [one for one in command.params if isinstance(one, click.Option)] or [click.Option(["-x"])]
    )
    value = spoiled(chance.choice(WORDS), chance) if chance.random() < 0.5 else chance.choice(PIECES)
    value = value.replace("\0", "").replace("\ud83d", "")  # which no command line can hold
    given = [one.opts[0]] if one.is_flag else [one.opts[0], value]
    return command.make_context(command.name, [*given, "x"], resilient_parsing=False, help_option_names=[])


@cache
def commands() -> dict[str, Any]:
    return {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}


def name(chance: random.Random, folder: Path) -> object:
    text = spoiled(chance.choice(WORDS), chance)
    known = (
        space_named,
        search.make,
        protocol_named,
        device_named,
        recipe_of,
        open_table,
        named_file,
        TOPOLOGY.architecture,
    )
    return chance.choice(known)(text)


@cache
def run_folder() -> tuple[dict[str, Any], list[str], dict[str, Any], Path]:
    folder = Path(tempfile.mkdtemp())
    search.run(
        "rea", load_table("cifar10"), Budget(evaluations=12), seed=1, recorder=RunFolder(folder / "run", {})
    )
    header, log = (
        json.loads((folder / "run" / "run.json").read_text()),
        (folder / "run" / "events.jsonl").read_text(),
    )
    state = latest_state(folder / "run")
    assert state
    return header, log.splitlines(), state, folder


def run(chance: random.Random, folder: Path) -> object:
    header, events, *_ = run_folder()
    if chance.random() < 0.5:
        header = warped(header, chance)
    else:
        at = chance.randrange(len(events))
        changed = (
            json.dumps(warped(json.loads(events[at]), chance))
            if chance.random() < 0.7
            else spoiled(events[at], chance)
        )
        events = [*events[:at], changed, *events[at + 1 :]]
    (folder / "run.json").write_text(json.dumps(header))
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    read_header(folder)
    return result_of(folder)


def checkpoint(chance: random.Random, folder: Path) -> object:
    header, events, state, _ = run_folder()
    leaves = (*VALUES, *TENSORS)
    (folder / "run.json").write_text(json.dumps(header))
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    (folder / "checkpoint").mkdir(exist_ok=True)
    file = folder / "checkpoint" / "step-000000012.npz"
    if chance.random() < 0.5:  # of one's own search, which is continued
        from nasreplay.files.state import save_state

        arrays = (*VALUES, np.zeros(2), np.zeros((1, 3), np.int8), np.array(["x"]), np.zeros(0))
        save_state(file, warped(state, chance, arrays))
        record = RunFolder(folder, {}, resume=True)
        return search.run("rea", load_table("cifar10"), Budget(evaluations=12), seed=1, recorder=record)
    file.unlink(missing_ok=True)
    logits = {"arch_normal_parameters": torch.zeros(14, 8), "arch_reduce_parameters": torch.zeros(14, 8)}
    theirs = {
        "epoch": 2,
        "args": {"dataset": "cifar10", "space": "nasnet", "searcher": "gdas", "data": "x"},
        "search_model": logits,
        "genotypes": {0: NOTATIONS[0], 1: MAPPING, "best": NOTATIONS[0]},
        "valid_accuracies": {"best": 1.0},
    }
    ours = {
        "searcher": {"state": {"logits": torch.zeros(1, 6, 5)}},
        "evaluator": {"net": logits},
        "step": 12,
        "log_bytes": 10,
    }
    value = warped(chance.choice((theirs, ours)), chance, leaves)
    path = folder / "checkpoint" / "x.pth"
    if chance.random() < 0.5:
        torch.save(value, path)
    else:
        try:
            save_checkpoint(path, value)
        except (TypeError, ValueError, AttributeError):  # nothing that can be written
            return None
    if chance.random() < 0.2:
        shared_weights(folder)
    return read_target(path, chance.choice(("last", "best")))


def training(chance: random.Random, folder: Path) -> object:
    state = {"trainer": {"network": {"w": torch.zeros(2)}, "trained": 1}, "epochs": []}
    (folder / "c").mkdir(exist_ok=True)
    save_checkpoint(
        folder / "c" / "step-000000001.pt",
        warped({"step": 1, "score": 1.0, "state": state}, chance, (*VALUES[:4], *TENSORS)),
    )
    found = Checkpoints(folder / "c")
    return found.latest(), found.best_score()


def weights(chance: random.Random, folder: Path) -> object:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    state = network.state_dict()
    forms = (
        state,
        {"state_dict": {f"module.{name}": values for name, values in state.items()}},
        {"base-model": state, "epoch": 3},
        {"info": "", "all_dataset_keys": ["digits"], "digits": {"net_state_dict": state}},
        {"state": {"trainer": {"network": state, "average": None}}, "step": 1},
    )
    path = folder / "w.pth"
    torch.save(warped(chance.choice(forms), chance, (*VALUES, *TENSORS)), path)
    if chance.random() < 0.3:
        content = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
    if chance.random() < 0.2:
        return held_trainings(path)
    return take_weights(network, weights_of(path, "digits"), path)


@cache
def sample(kind: str) -> bytes:
    folder = Path(tempfile.mkdtemp())
    if kind == "pack":
        return write(folder / "pack.h5", random_columns()).path.read_bytes()
    made = fabricate.comparison(replicas=3, points=20)
    write_comparison(
        folder / "results.h5", made.results, made.tables, {"seed": 1, "searchers": {}, "datasets": []}
    )
    return (folder / "results.h5").read_bytes()


def hdf5(kind: str, finish: Callable[[Path], object], parse: Callable[[Path], object]) -> Parse:
    """A reader of HDF5 files, one attribute of which is spoiled."""

    def tried(chance: random.Random, folder: Path) -> object:
        path = folder / "results.h5"
        path.write_bytes(sample(kind))
        with h5py.File(path, "r+") as file:
            places: list[Any] = [file]
            file.visititems(lambda _, one: places.append(one))
            place = chance.choice([one for one in places if len(one.attrs)])
            at = chance.choice(list(place.attrs))
            value = place.attrs[at]
            text = value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None
            if text is None:
                new: Any = chance.choice((-1, 0, 2**40, 1.5, float("nan"), "x", np.zeros(3)))
            elif text[:1] in "{[" and chance.random() < 0.7:
                new = json.dumps(warped(json.loads(text), chance))
            else:
                new = spoiled(text, chance)[:60_000].replace("\0", "")
            place.attrs[at] = np.bytes_(new.encode()) if isinstance(value, bytes) else new
            if kind == "pack" and chance.random() < 0.8:
                try:
                    sign(file)
                except Exception:  # the sums of what no longer is a pack
                    return None
        finish(path)
        return parse(path)

    return tried


def csv(chance: random.Random, folder: Path) -> object:
    rows = "".join(f"{key},{at}.5,{at + 1}\n" for at, key in enumerate(("000000", "111111", CELL)))
    (folder / "a.csv").write_text(spoiled("arch,acc,seconds\n" + rows, chance))
    valid = (
        "acc=cifar10-valid/12/x-valid/accuracy",
        "seconds=cifar10-valid/12/train_seconds",
        "acc*100=mine/9/x-valid/accuracy",
    )
    maps = [spoiled(one, chance) if chance.random() < 0.3 else one for one in chance.choices(valid, k=2)]
    own = spoiled("mine=classes:10,resolution:32,x-valid:1000", chance) if chance.random() < 0.5 else "mine"
    (folder / "map.json").write_text(json.dumps(warped({"acc": valid[0].partition("=")[2]}, chance)))
    if chance.random() < 0.2:
        csv_to_pack.read_map_file(folder / "map.json")
    about = custom_dataset.from_texts(
        [own], [spoiled("mine/x-valid=words", chance)] if chance.random() < 0.3 else []
    )
    return csv_to_pack.import_csv(folder / "a.csv", folder / "out.h5", maps, space=TOPOLOGY, custom=about)


def logits(chance: random.Random, folder: Path) -> object:
    shape = chance.choice(((6, 5), (14, 8), (2, 14, 8), (3,), (0, 5), ()))
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(shape, chance.choice(("f8", "f4", "i1", "c16", "U3", "M8[s]"))))
    content = bytearray(buffer.getvalue())
    for _ in range(chance.randrange(4)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return read_logits(bytes(content), "x.npy")


PARSERS: dict[str, tuple[float, Parse]] = {
    "architectures": (0.34, architecture),
    "matrices": (0.1, matrix),
    "--set": (0.12, changed),
    "config": (0.06, config_file),
    "settings": (0.13, setting),
    "options": (0.08, option),
    "names": (0.04, name),
    "run folders": (0.04, run),
    "checkpoints": (0.02, checkpoint),
    "trainings": (0.01, training),
    "weights": (0.01, weights),
    "logits": (0.02, logits),
    "csv": (0.015, csv),
    "packs": (0.015, hdf5("pack", lambda path: None, Pack.open)),
    "results": (0.01, hdf5("results", seal, read_comparison)),
}


def campaign(seed: int, count: int) -> tuple[Counter[str], list[str], tuple[float, str]]:
    """Try so many inputs: outcomes, what was broken, and the longest time (seconds, of which)."""
    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    longest = (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for kind, (share, parse) in PARSERS.items():
            for number in range(round(share * count)):
                place = Path(folder) / kind.strip("-")
                place.mkdir(exist_ok=True)
                started = time.perf_counter()
                outcome = one(parse, f"{seed}/{kind}/{number}", place)
                longest = max(longest, (time.perf_counter() - started, f"{seed}/{kind}/{number}"))
                outcomes[f"{kind} {outcome.split(':')[0]}"] += 1
                broken += [f"{seed}/{kind}/{number} {outcome}"] if outcome.startswith("broken") else []
    return outcomes, broken, longest


def one(parse: Parse, seed: str, folder: Path) -> str:
    """What an input came to: accepted, refused, or broken and how."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse(random.Random(seed), folder)
        except (NasReplayError, click.ClickException) as problem:
            text = problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
            if isinstance(problem, click.ClickException):
                text = harmless(text, most=LONGEST_USAGE)  # as `main` does
            fits = text.isprintable() and 0 < len(text) <= LONGEST_ERROR + len(str(folder))
            return "refused" if fits else f"broken: {len(text)} characters: {text!r}"
        except click.exceptions.Exit:
            return "accepted"
        except Exception as problem:
            return f"broken: {type(problem).__name__}: {str(problem)[:200]!r}"
    return "accepted"


@pytest.mark.slow
def test_every_input_is_a_value_or_one_named_error(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    outcomes, broken, _ = campaign(1, INPUTS)
    assert outcomes.total() >= INPUTS
    assert not broken
    for kind in PARSERS:  # the inputs are near enough to valid ones
        assert outcomes[f"{kind} refused"]


if __name__ == "__main__":
    tried, wrong, slowest = campaign(int(sys.argv[1]), int(sys.argv[2]))
    print(*sorted(tried.items()), *wrong[:400], sep="\n")
    print(
        len(wrong),
        "broken; longest",
        slowest,
        "; MB",
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )
