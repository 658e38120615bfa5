"""What a light installation does, and what it says about a package that it lacks."""

import subprocess
import sys

import pytest

HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

if __name__ == "__main__":
    hidden = sys.argv[1].split(",")
    sys.meta_path.insert(0, Hidden())
    from nasreplay.cli.main import main

    main(sys.argv[2:])
"""
EXTRAS = "torch,torchvision,tensorboard,sklearn,pooch,safetensors,onnx,onnxscript,pandas,nats_bench,easydict,psutil"


@pytest.fixture
def without(home, tmp_path):
    """Runs a command in a process that cannot import some packages."""
    program = tmp_path / "hide.py"
    program.write_text(HIDE)

    def call(hidden: str, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(program), hidden, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return call


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "9930"],
        ["query", "--help"],
        ["replay", "--replicas", "2", "--dataset", "cifar10", "--evaluations", "5"],
        ["search", "rea", "--evaluations", "5"],
        ["search", "darts-v1", "--set", "darts-v1.epochs=5"],
        ["search", "--help"],
        ["tabulate", "--help"],
        ["retrain", "--help"],
        ["convert", "GDAS_V1", "--to", "json"],
        ["draw", "GDAS_V1", "--out", "cell.svg"],
        ["zoo"],
        ["data", "list"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_a_light_installation_is_enough(without, arguments):
    done = without(EXTRAS, *arguments)
    assert done.returncode == 0, done.stderr


LIVE = ["--dataset", "digits"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (["search", "gdas", "--evaluator", "supernet", *LIVE], "search --evaluator supernet needs PyTorch"),
        (["search", "rea", "--evaluator=scratch", *LIVE], "search --evaluator scratch needs PyTorch"),
        (["train", "9930", *LIVE], "train needs PyTorch"),
        (["retrain", "GDAS_V1", *LIVE], "retrain needs PyTorch"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_command_says_which_package_it_lacks(without, arguments, needs):
    done = without(EXTRAS, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"nasreplay: error: nasreplay {needs}: pip install 'nasreplay[live]'\n"


@pytest.mark.slow
def test_a_broken_installation_is_no_bug_of_nasreplay(without):
    done = without("matplotlib", "draw", "GDAS_V1", "--out", "cell.svg")
    assert done.returncode == 2
    assert done.stderr == "nasreplay: error: nasreplay draw needs matplotlib: pip install nasreplay\n"
