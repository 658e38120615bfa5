import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from nasreplay.cli.inputs import given
from nasreplay.data.pack import Pack
from nasreplay.data.pack.check import verify
from nasreplay.evaluate.table.load import load_table
from nasreplay.spaces import TOPOLOGY

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tabulate.md"
SMALL = ("--channels", "4", "--cells", "1", "--epochs", "1", "--fraction", "0.2")
TINY = {  # what makes a command of the page small: added where it begins so
    "replay": ("--replicas", "2", "--jobs", "1"),
    "replay rea random darts-v1": ("--set", "darts-v1.epochs=20"),
    "search": ("--seed", "1"),
    "search gdas": SMALL,
    "tabulate --run": ("--sample", "5"),
    "tabulate --evaluator scratch": SMALL,
}


def commands(page: Path) -> list[list[str]]:
    """The indented command lines of a page, as words."""
    text = page.read_text().replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    nasreplay (.*)$", text, flags=re.MULTILINE)]


def write_csv(path: Path, rows: int = TOPOLOGY.size) -> None:
    draw = np.random.default_rng(0).uniform(10, 90, (rows, 2))
    lines = (f"{TOPOLOGY.at_flat(flat)},{val},{test},{val / 9}" for flat, (val, test) in enumerate(draw))
    path.write_text("\n".join(["arch,val,test,secs", *lines]))


@pytest.fixture
def mine(run, tmp_path) -> Path:
    """A table of some cells of a custom data set of which nothing is stated."""
    write_csv(tmp_path / "mine.csv", 50)
    maps = ("--map", "arch=arch", "--map", "val=my-images/12/x-valid/accuracy/3")
    run("data", "import-csv", "mine.csv", "--own", "my-images", *maps, "--out", "mine.h5")
    return tmp_path / "mine.h5"


def is_live(words: list[str]) -> bool:
    return "gdas-digits" in words or "scratch" in words


@pytest.fixture
def tiny(run, tmp_path):
    """Run commands of the page, made small: what each printed, by its first words. Their packs are sound."""
    write_csv(tmp_path / "mine.csv")
    (tmp_path / "cells.txt").write_text("9930\n333133\n  |none~0|+|none~0|none~1|+|none~0|none~1|none~2|\n\n")

    def call(every: list[list[str]]) -> dict[str, str]:
        told = {}
        for words in every:
            line = " ".join(words)
            small = [word for start, more in TINY.items() if line.startswith(start) for word in more]
            told[" ".join(words[:3])] = run(*words, *small).out
            if words[-1].endswith(".h5"):
                assert verify(Pack.open(words[-1])) == []
        return told

    return call


def test_the_commands_of_the_page(run, tiny):
    every = [words for words in commands(PAGE) if not is_live(words)]
    assert len(every) == 16
    told = tiny(every)
    assert "2 of 15,625 architectures" in Pack.open("cells.h5").title
    assert "500 of 15,625 architectures" in Pack.open("both.h5").title
    run("tabulate", "--sample", "500", "--out", "go.h5")
    assert Path("go.h5").read_bytes() == Path("both.h5").read_bytes()
    trials = Pack.open("trial777.h5").accuracy("cifar100")[0]
    np.testing.assert_array_equal(trials[:, 0], load_table("cifar100").levels[0].accuracy[:, 0])
    for pack in ("mine.h5", "copy.h5"):
        assert Pack.open(pack).custom["my-images"].facts == (10, 32, 4_000)
    assert "10 classes, 32×32 pixels, 4,000 training images" in told["data info mine.h5"]
    assert "accuracy on the 500 test images after training on the 4,000" in told["query 9930 --table"]
    assert re.search(r"parameters, M +1\.289", told["query 9930 --table"])
    assert "oracle" in told["replay rea random"]
    assert "on my-images, seed 1: 100 evaluations" in told["search rea --dataset"]
    assert "test" in told["search rea --dataset"]


def test_the_live_commands_of_the_page(tiny):
    every = [words for words in commands(PAGE) if is_live(words)]
    assert len(every) == 3
    tiny(every)
    assert Pack.open("shared.h5").recipes("digits") == {"shared": 1}
    assert "5 of 15,625" in Pack.open("shared.h5").title
    assert Pack.open("digits.h5").seeds("digits", "1").tolist() == [777, 888]


def test_an_own_data_set_of_which_nothing_is_stated(run, mine):
    (about,) = json.loads(run("query", "--table", "mine.h5", "--json", str(TOPOLOGY.at_flat(7))).out)[
        "datasets"
    ].items()
    assert about[0] == "my-images"
    assert about[1]["parameters"] is about[1]["flops"] is None
    assert about[1]["accuracies"][0]["meaning"] == (
        "accuracy on the validation images after training on the training images (read from my-images)"
    )
    assert ",my-images," in run("query", "--table", "mine.h5", "--csv", str(TOPOLOGY.at_flat(7))).out
    assert "–" in run("query", "--table", "mine.h5", str(TOPOLOGY.at_flat(7))).out
    assert "50 measured architectures" in run("query", "--best", "my-images", "--table", "mine.h5").out
    assert "not stated" in run("data", "info", "mine.h5").out
    assert "my-images" in run("data", "info", "--json", "mine.h5").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("query 5 --table mine.h5 --dataset mine", "unknown data set 'mine'; known: my-images, cifar10"),
        ("query 5 --table mine.h5 --dataset cifar10", "it holds valid of my-images at recipe 12"),
        ("query --best my-images --table mine.h5 --max-params 1", "leave out --max-params"),
        (
            "replay rea --table mine.h5",
            "my-images on this table has no published budget: give --evaluations N",
        ),
        ("replay rea --table mine.h5 --dataset no", "unknown data set 'no'; known: my-images"),
        ("search rea --table mine.h5 --dataset cifar10 --evaluations 3", "it holds valid of my-images"),
        ("tabulate --table mine.h5 --dataset cifar10 --out x.h5", "it holds valid of my-images"),
    ],
)
def test_an_own_table_says_what_it_has(run, refused, mine, words, message):
    assert message in refused(*words.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--own c10", "that means cifar10"),
        ("--own a=classes:3", "say resolution and training_images too"),
        ("--own a --sentence b/x-valid=words", "known NAME/SET: a/train"),
        ("", "for one of your own add --own my-images"),
    ],
)
def test_an_own_data_set_that_is_not_understood(refused, tmp_path, words, message):
    write_csv(tmp_path / "mine.csv", 5)
    maps = ("--map", "arch=arch", "--map", "val=my-images/12/x-valid/accuracy/3")
    assert message in refused("data", "import-csv", "mine.csv", *words.split(), *maps, "--out", "mine.h5")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--evaluator nothing", "unknown evaluator 'nothing'; known: table"),
        ("--dataset mnist", "unknown data set 'mnist'"),
        ("--recipe 12", "has no valid accuracy of cifar10 at recipe 12"),
        ("--table none.h5", "no such file"),
        ("--trial drawn", "must be mean, or seeds"),
        ("--trial 777,x", "must be mean, or seeds"),
        ("--trial 5", "no trial 5 at epoch 200 of recipe 200; trials: 777, 888, 999"),
        ("--trial 777,5", "no trial 5"),
        ("--archs none.txt", "none.txt: no such file or folder"),
        ("--archs 9930 --sample 3", "exclude each other"),
        ("--sample 0", "--sample 0: must be 1 to 15,625"),
        ("--sample 15626", "must be 1 to 15,625"),
        ("--shard 2", "--shard '2': must be i/n"),
        ("--shard a/b", "must be i/n"),
        ("--shard 3/2", "shard 3/2: it must be i/n with i from 1 to n"),
        ("--sample 3 --shard 1/4", "n at most 3"),
        ("a.h5 b.h5", "a.h5: packs are for --merge"),
        ("--merge", "--merge needs two packs"),
        ("--merge a.h5 b.h5 --sample 3", "--sample has no effect with --merge: leave it out"),
        ("--run folder --dataset cifar10", "--dataset has no effect with --run: leave it out"),
        ("--run folder", "folder: holds no run"),
        ("--merge a.h5 b.h5", "a.h5: no such file"),
        (
            "--out no/such.h5",
            "no/such.h5.log: cannot be written: No such file or directory; choose another --out",
        ),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(refused, words, message):
    assert message in refused("tabulate", "--out", "x.h5", *words.split())


def test_bad_architectures(run, refused, tmp_path):
    (tmp_path / "cells.txt").write_text("9930\n8:8:8:8:8\n")
    assert "belongs to the size space" in refused("tabulate", "--archs", "cells.txt", "--out", "x.h5")
    (tmp_path / "cells.txt").write_text("\n")
    assert "no architecture given" in refused("tabulate", "--archs", "cells.txt", "--out", "x.h5")
    (tmp_path / "cells.txt").write_bytes(b"\xff\xfeno")
    assert "is not an architecture" in refused("tabulate", "--archs", "cells.txt", "--out", "x.h5")


def test_standard_input_and_a_sample_of_ones_own(run, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "nasreplay.cli.tabulate.given", lambda words: ["9930", "333133"] if words == ["-"] else given(words)
    )
    assert "1 of 15,625 architectures" in run("tabulate", "--archs", "-", "--out", "x.h5").out
    seeds = [
        run("tabulate", "--sample", "5", "--seed", str(seed), "--out", f"{seed}.h5") and seed
        for seed in (0, 1)
    ]
    one, other = (np.isfinite(Pack.open(f"{seed}.h5").accuracy("cifar10")[0][:, 0]) for seed in seeds)
    assert one.sum() == other.sum() == 5
    assert (one != other).any()


def test_an_own_copy_can_be_asked_for_twice(run, mine):
    words = ("tabulate", "--dataset", "my-images", "--table", "mine.h5", "--out", "copy.h5")
    first, content = run(*words), Path("copy.h5").read_bytes()
    assert "50 of 15,625 architectures; it holds valid of my-images at recipe 12" in first.out
    assert run(*words).out == first.out
    assert Path("copy.h5").read_bytes() == content


def test_ctrl_c_says_how_to_go_on(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nasreplay.evaluate.table.TableEvaluator.evaluate", interrupted)
    assert (
        "interrupted; continue with: nasreplay resume x.h5"
        in run("tabulate", "--out", "x.h5", status=130).err
    )
    monkeypatch.undo()


def test_threads_are_taken_with_a_run(refused):
    told = refused("tabulate", "--run", "absent", "--threads", "1", "--out", "t.h5")
    assert "no effect" not in told
    assert "absent: holds no run" in told
