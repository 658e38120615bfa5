"""Readers of texts and small files that a user writes, given spoiled ones."""

import io
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np

from nasreplay import config, search
from nasreplay.cli.main import COMMANDS, cli
from nasreplay.data import custom_dataset
from nasreplay.data.importers import csv_to_pack
from nasreplay.data.locate import open_table
from nasreplay.evaluate.table.table_settings import TableSettings
from nasreplay.jobs.comparison import ReplaySettings
from nasreplay.jobs.named_files import named_file
from nasreplay.jobs.queries import QuerySettings
from nasreplay.jobs.searches.task import SearchSettings
from nasreplay.jobs.tabulation import TabulationSettings
from nasreplay.jobs.training.training_settings import RetrainSettings, TrainSettings
from nasreplay.jobs.training.training_target import read_target
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.live.scratch_settings import ScratchSettings
from nasreplay.models.shared_networks import NETWORKS
from nasreplay.replay.protocols import protocol_named
from nasreplay.search.changes import changes_of
from nasreplay.settings import chosen, settings_of
from nasreplay.spaces import TOPOLOGY, space_named
from nasreplay.spaces.genotypes import notation
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.logits import read_logits
from nasreplay.spaces.read import read, read_architecture, read_many, read_named
from nasreplay.train.device import device_named
from nasreplay.train.recipe import recipe_of
from tests.support.spoiling import PIECES, VALUES, spoiled, warped

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
