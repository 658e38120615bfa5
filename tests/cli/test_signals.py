"""A command ends by a signal with the conventional status and one line at most, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from nasreplay.cli.main import main
from tests.support.command import CHECKOUT, end, start, training

TRAIN = training(9, "--out", "run")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "how"),
    [
        (0.2, signal.SIGINT),
        (0.5, signal.SIGTERM),
        (0.9, signal.SIGINT),
        (1.4, signal.SIGTERM),
        (2.0, signal.SIGINT),
    ],
)
def test_a_signal_while_modules_are_imported(home, tmp_path, how, seconds):
    process = start(*TRAIN, cwd=tmp_path)
    time.sleep(seconds)
    os.killpg(process.pid, how)
    out, err = end(process, 128 + how)
    assert err in (
        "nasreplay: interrupted\n",
        "nasreplay: interrupted; continue with: nasreplay resume run\n",
    )
    assert "Traceback" not in out


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "module", ["nasreplay._version", "nasreplay.__main__", "nasreplay.signals", "typing"]
)
def test_a_signal_at_the_first_imports_is_one_line(tmp_path, how, module):
    """A module that is about to be found is the first moment that a test can choose."""
    (tmp_path / "sitecustomize.py").write_text(f"""
import os, sys

class Killing:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), {int(how)})

# the package is found first: before that, the process is Python's own
if "nasreplay" in sys.orig_argv:
    sys.modules.pop({module!r}, None)
    sys.meta_path.insert(0, Killing())
""")
    done = subprocess.run(
        [sys.executable, "-m", "nasreplay", "query", "9930"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(CHECKOUT)])},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + how, "", "nasreplay: interrupted\n")


@pytest.mark.slow
def test_a_program_that_imports_the_package_keeps_its_own_signals():
    program = "import signal, nasreplay\nprint(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", program, "nasreplay"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_an_import_ends_at_once(tmp_path):
    (tmp_path / "slow.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    program = "from nasreplay import signals\nsignals.install()\nimport slow\nprint('still here')\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "nasreplay: interrupted\n")


def test_an_ignored_exception_ends_all_the_same():
    program = """
import os, signal
from nasreplay import signals

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

signals.install()
Dying()
print("still here")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "nasreplay: interrupted\n")


def test_nobody_reads_the_output(home):
    process = start("query", "--best", "cifar10", "-n", "15625", cwd=home)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait() == 0


@pytest.mark.parametrize(
    "words", [("replay", "a\nb"), ("train", "9930", "--recipe", "200\n"), ("nope\n\x1b[31m",)]
)
def test_names_with_line_breaks_are_escaped(refused, words):
    told = refused(*words)
    assert "\\n" in told
    assert "\x1b" not in told


@pytest.mark.parametrize("words", [(), ("data",)])
def test_a_group_without_a_command_shows_its_help(capsys, words):
    with pytest.raises(SystemExit) as end:
        main([*words])
    told = capsys.readouterr()
    assert (end.value.code, told.err) == (0, "")
    assert "Commands:" in told.out
