"""Programs of other projects by their names (scripts/): their flags, and the commands that these become."""

import importlib
import re
import subprocess
import sys

import pytest

from nasreplay.train.recipe import recipe_of
from tests.support.command import CHECKOUT
from tests.support.programs import PROGRAMS, loaded, readme_commands, resolve, translated

FLAGS = [(name, flag) for name in PROGRAMS for flag in loaded(name).PROGRAM.flags]
# what a program needs beside a flag that means something with others only
BESIDE = {
    "snas/train_search.py": "--snas --dsnas --prox_policy_opt --resource_efficient --loss --temp_annealing --cutout "
    "--auxiliary --use_ckpt --random_sample_pretrain",
    "snas/train.py": "--cutout --auxiliary",
    "snas/train_edge_all.py": "--cutout --auxiliary",
    "snas/train_imagenet.py": "--auxiliary --warm_start",
    "cnas/eval_arch.py": "--dataset imagenet",
    "sparse/train_search.py": "--cutout",
    "sparse/train_cnn.py": "--cutout --auxiliary",
}
SAID = ("loose_end", "snas")  # what is an error, or needed
BY_ITSELF = "the names of the weights say it"


def other(flag) -> list[str]:
    """A value that is not the flag's default."""
    if isinstance(flag.default, bool):
        return []
    if flag.known:
        return [next(str(word) for word in flag.known if word != flag.default)]
    if flag.name in ("temp_epochs", "n_ops"):
        return [{"temp_epochs": "auto", "n_ops": "3"}[flag.name]]
    return ["some"] if isinstance(flag.default, str) else [str(flag.default * 2 + 1)]


@pytest.mark.parametrize(("name", "flag"), FLAGS, ids=[f"{name} {flag.names}" for name, flag in FLAGS])
def test_every_flag_changes_the_command_or_says_why_not(name, flag, tmp_path, monkeypatch):
    if len(flag.known) == 1 or flag.name in SAID or flag.about == BY_ITSELF:
        return
    (tmp_path / "run.json").touch()
    monkeypatch.setattr("time.strftime", lambda form: "now")
    spelling = flag.names.split()[0]
    usual = "" if flag.name == "cutout_length" and "cnas" in name else BESIDE.get(name, "")
    others = re.sub(rf"{spelling}( [a-z]+)?(?= |$)", "", usual).split()
    given = other(flag) if flag.name != "resume" else [str(tmp_path)]
    words, remarks = translated(name, *others, *([] if flag.positional else [spelling]), *given)
    before, beside = translated(name, *others)
    assert words != before or len(remarks) == len(beside) + 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_shipped_recipe_has_the_defaults_of_the_flags(name):
    program = loaded(name).PROGRAM
    words, _ = translated(name, *BESIDE.get(name, "").split())
    if not (given := {"--recipe", "--training"} & {*words}):
        return
    shipped = words[words.index(given.pop()) + 1].split(",")[0]
    for flag in program.flags:
        if isinstance(flag.to, str) and flag.to.startswith("recipe.") and "0 where" not in flag.about:
            changed = recipe_of(f"{shipped},{flag.to.removeprefix('recipe.')}={flag.default}")
            assert changed == recipe_of(shipped), flag.names


@pytest.mark.parametrize(("name", "arguments"), readme_commands())
def test_the_commands_of_the_readmes_resolve(name, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, remarks = translated(name, *arguments)
    resolve(words)
    assert not [remark for remark in remarks if "has no effect" in remark]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("snas/train_search.py", "--snas --layr 8", "unknown argument '--layr': did you mean --layers?"),
        ("snas/train_search.py", "--snas --arch", "ambiguous option: --arch could match"),
        ("snas/train_search.py", "--snas --epochs 1e2", "argument --epochs: '1e2' must be a whole number"),
        ("snas/train_search.py", "--snas --learning_rate inf", "'inf' must be a number"),
        ("snas/train_search.py", "--snas --method reinforce", "invalid choice: 'reinforce'"),
        ("snas/train_search.py", "", "--snas or --dsnas: the search needs one of them"),
        ("cnas/search.py", "--loose_end", "--loose_end is not implemented in the original either"),
        ("cnas/search.py", "--multiplier 3", "argument --multiplier: invalid choice: 3"),
        ("cnas/eval_arch.py", "--resume nowhere", "neither a run folder of nasreplay nor a file of one"),
        ("sparse/train_cnn.py", "--opt lion", "invalid choice: 'lion'"),
        ("sparse/cell_visualize.py", "DARTS_V1 more", "unknown argument 'more'"),
    ],
)
def test_what_a_program_does_not_know_is_one_line(name, arguments, told, capsys):
    with pytest.raises(SystemExit) as end:
        translated(name, *arguments.split())
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err.startswith(f"{name.split('/')[1]}: error: ")
    assert err.count("\n") == 1
    assert told in err


REAL = {
    "snas/train.py": "--auxiliary --cutout --arch SNAS_mild --layers 3",
    "cnas/search.py": "--n_ops 2 --epochs_for_warmup 0 --epoch_per_stage 1 --hidden_size 8 --layers 3",
    "sparse/train_search.py": "--num-meta-node 3 --cutout --use-sparse --layers 3",
    "sparse/train_cnn.py": "--cutout --opt adabound --layers 3",
}
LITTLE = (
    "--",
    "--channels",
    "4",
    "--dataset",
    "digits",
    "--fraction",
    "0.05",
    "--batch",
    "16",
    "--threads",
    "1",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_programs_run(name, run, tmp_path):
    epochs = () if "epoch" in REAL[name] else ("--epochs", "1")
    few = (
        ("--set", "curriculum.derive_repeats=1", "--set", "curriculum.derive_samples=2")
        if epochs == ()
        else ()
    )
    words, _ = translated(name, *REAL[name].split(), *epochs, *LITTLE, *few, "--out", "it")
    told = run(*words)
    assert "seed" in told.out
    assert (tmp_path / "it" / "outcome.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "name", "arguments"),
    [
        ("torch.distributed.launch", "cnas/eval_arch.py", "--batch_size 8 --no_bias_decay --max_epochs 1"),
        ("torch.distributed.run", "snas/train_search.py", "--snas --distributed --epochs 1 --unrolled"),
    ],
)
def test_two_processes_speak_with_one_voice(launcher, name, arguments, home, tmp_path):
    script = CHECKOUT / "scripts" / name
    little = " ".join(LITTLE).replace("--batch 16 ", "" if "cnas" in name else "--batch 16 ")
    words = [script.name, *arguments.split(), "--layers", "3", *little.split(), "--out", str(tmp_path / "it")]
    done = subprocess.run(
        [sys.executable, "-m", launcher, "--nproc-per-node=2", *words],
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the same as: nasreplay ") == 1
    assert done.stderr.count("--unrolled has no effect") == ("unrolled" in arguments)
    assert "2 processes" in done.stdout + done.stderr
    assert (tmp_path / "it" / "outcome.json").exists()


def test_prefixes_launchers_and_options_of_nasreplay():
    words, remarks = translated(
        *("snas/train_search.py", "--snas", "--layer", "8", "--local-rank=3", "--unrolled", "--report", "9"),
        *("--", "--threads", "1"),
    )
    assert words[words.index("--layers") + 1] == "8"
    assert words[-2:] == ["--threads", "1"]
    assert words[:2] == ["search", "snas"]
    assert sorted(remark.split(":")[0] for remark in remarks) == [
        "--report_freq has no effect",
        "--unrolled has no effect",
    ]


def test_a_run_goes_on_by_its_folder_for_longer(tmp_path):
    (tmp_path / "run.json").touch()
    (tmp_path / "checkpoint").mkdir()
    for name, flag in (("sparse/train_cnn.py", "--epochs"), ("cnas/eval_arch.py", "--max_epochs")):
        words, _ = translated(
            name, "--resume", str(tmp_path / "checkpoint"), flag, "9", "--", "--threads", "1"
        )
        assert words == ["resume", str(tmp_path), "--epochs", "9", "--threads", "1"]


def test_the_modules_that_cnas_imports(monkeypatch):
    import torch

    monkeypatch.syspath_prepend(CHECKOUT / "scripts" / "cnas")
    networks, genotypes = (importlib.import_module(f"cnas.model.{name}") for name in ("eval", "genotypes"))
    mine = genotypes.Genotype.from_arch(
        normal_arch=[("sep_conv_3x3", 0, 2), ("skip_connect", 1, 2)],
        normal_concat=[2],
        reduced_arch=[("max_pool_3x3", 0, 2), ("none", 1, 2)],
        reduced_concat=None,
    )
    for genotype in (mine, genotypes.CNAS):
        logits, auxiliary = networks.NetworkCIFAR(4, 10, 3, False, genotype)(torch.zeros(2, 3, 32, 32))
        assert logits.shape == (2, 10)
        assert auxiliary is None
    assert callable(networks.cnas_imagenet)
