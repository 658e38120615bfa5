"""A shell completes every name that nasreplay knows."""

import pytest

from nasreplay.cli.main import main


@pytest.fixture
def complete(home, tmp_path, monkeypatch, capsys):
    """What bash would offer for the last of these words."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> list[str]:
        monkeypatch.setenv("_NASREPLAY_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(("nasreplay", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit):
            main([])
        return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]

    return call


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("qu",), "query"),
        (("data", "ver"), "verify"),
        (("search", "reinf"), "reinforce"),
        (("replay", "rea", "bo"), "bohb"),
        (("replay", "--dataset", "cifar10"), "cifar100"),
        (("search", "gdas", "--space", "nas"), "nasnet"),
        (("retrain", "GDAS"), "GDAS_V1"),
        (("zoo", "DARTS_V"), "DARTS_V2"),
        (("replay", "--protocol", "n"), "nb201"),
        (("search", "rea", "--set", "rea.p"), "rea.population="),
        (("search", "rea", "--evaluator", "s"), "scratch"),
        (("data", "info", "em"), "embedded"),
        (("convert", "1", "--to", "mat"), "matrix"),
        (("correlate", "ci"), "cifar10"),
        (("correlate", "cifar10", "ci"), "cifar100"),
        (("query", "--recipe", "2"), "200"),
        (("query", "--best", "cifar10"), "cifar100"),
        (("resume", ""), "run"),
        (("gap", "r"), "run"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_names_are_completed(complete, tmp_path, words, offered):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text("{}")
    assert offered in complete(*words)


def test_what_the_table_lacks_is_not_offered(complete):
    assert "imagenet-1k" not in complete("query", "--best", "")
    assert "tiny-imagenet" not in complete("query", "--best", "")


def test_names_that_steer_a_terminal_are_left_out(complete, tmp_path):
    (tmp_path / "a\x1bb").mkdir()
    (tmp_path / "a\x1bb/run.json").write_text("{}")
    assert not any("\x1b" in name for name in complete("resume", ""))


def test_files_are_the_shells_part(complete, capsys):
    assert "x" in complete("draw", "x")
    assert "x" in complete("search", "rea", "--out", "x")
