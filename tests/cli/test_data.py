import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nasreplay.cli.data import data
from nasreplay.errors import (
    BadArchitecture,
    BadInput,
    BadOutput,
    BadPack,
    BadSetting,
    LacksCapability,
    UnknownName,
)
from nasreplay.spaces import TOPOLOGY


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A cache folder with the embedded table, an own table and a damaged one."""
    from nasreplay.data.embedded import embedded_pack

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(home))
        embedded_pack()
    (home / "broken.h5").write_bytes(b"nothing")
    return home


@pytest.fixture
def run(built, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(built))

    def call(*arguments: str, status: int = 0):
        result = CliRunner().invoke(data, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result

    return call


def test_path(run, built):
    path = Path(run("path").stdout.strip())
    assert path.parent == built
    assert path.is_file()


def test_list(run, built):
    told = run("list")
    assert "embedded  topology  cifar10-valid, cifar100, ImageNet16-120  200" in told.stdout
    assert "broken.h5: a text, not a pack" in told.stderr
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == ["embedded"]
    assert rows[0]["datasets"] == ["cifar10-valid", "cifar100", "ImageNet16-120"]
    assert rows[0]["bytes"] == Path(rows[0]["path"]).stat().st_size


def test_info_tells_the_exact_meaning(run):
    told = run("info").stdout
    assert "accuracy on the 25,000 held-out training images after training on the other 25,000" in told
    assert "seeds 777, 888, 999; architectures: 7,456 with 2 trials, 8,169 with 3 trials" in told
    assert "evaluation seconds not known" in told
    values = json.loads(run("info", "embedded", "--json").stdout)
    about = values["datasets"]["cifar100"]["recipes"]["200"]
    assert about["epochs"] == 200
    assert about["sets"]["x-valid"]["architectures_by_trials"] == {"2": 7456, "3": 8169}


def test_verify(run, built, tmp_path):
    assert "sound, 14 columns" in run("verify").stdout
    content = bytearray(Path(run("path").stdout.strip()).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "bad.h5").write_bytes(content)
    told = run("verify", str(tmp_path / "bad.h5"), status=1).stdout
    assert "bad.h5" in told
    assert told.count("\n") == 1
    with pytest.raises(BadPack, match="no such file"):
        run("verify", "absent")


def test_import_csv(run, tmp_path):
    table, out, maps = tmp_path / "mine.csv", str(tmp_path / "mine.h5"), tmp_path / "maps.config"
    table.write_text("cell,acc\n000000,10.5\n421211,90\n")
    maps.write_text(json.dumps({"cell": "key"}))
    arguments = ["import-csv", str(table), "--map-file", str(maps), "--out", out, "--title", "Mine"]
    told = run(*arguments, "--map", "acc=cifar10-valid/short/x-valid/accuracy", "--epochs", "short=3").stdout
    assert "2 rows, 15,623 architectures without a row; it holds valid of cifar10 at recipe short" in told
    told = run("info", out).stdout
    assert "recipe short: 3 epochs, training seconds not known" in told
    assert "architectures: 15,623 with none, 2 with one" in told

    from nasreplay.data.locate import open_table

    pack = open_table(out)
    assert pack.title == "Mine"
    np.testing.assert_array_equal(pack.accuracy("cifar10")[0][TOPOLOGY.flat(np.array([[0] * 6]))], [[10.5]])
    with pytest.raises(BadOutput, match=r"mine\.h5: exists; --force replaces a table"):
        run(*arguments, "--map", "acc=cifar10/1/ori-test/accuracy")
    arguments.append("--force")
    run(*arguments, "--map", "acc=cifar10/1/ori-test/accuracy")
    with pytest.raises(BadSetting, match="RECIPE=N"):
        run(*arguments, "--map", "acc=cifar10/1/ori-test/accuracy", "--epochs", "short")
    with pytest.raises(UnknownName, match="unknown space"):
        run(*arguments, "--space", "nosuch")
    with pytest.raises(LacksCapability, match="too many for tables"):
        run(*arguments, "--space", "nasnet")


def test_import_csv_tells_what_is_missing_and_what_is_left_out(run, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("index,acc,secs,who\n9930,10.5,3,me\n12,90,4,you\n")
    with pytest.raises(
        BadSetting, match=r"--map .* and with --out .*: index, acc, secs, who; maybe: .*--out mine\.h5"
    ):
        run("import-csv", str(table))
    acc = ("--map", "acc=cifar10/200/ori-test/accuracy")
    with pytest.raises(BadSetting, match="say with --out PACK"):
        run("import-csv", str(table), "--map", "index=index", *acc)
    out = ("--out", str(tmp_path / "mine.h5"))
    with pytest.raises(
        BadArchitecture, match=r"line 2, column 'index': .* official index: --map index=index$"
    ):
        run("import-csv", str(table), "--map", "index=arch", *acc, *out)
    told = run("import-csv", str(table), "--map", "index=index", *acc, *out)
    assert "no --map names secs: numbers that were left out" in told.stderr
    table.write_text("cell,acc\n000000,10.5\n")
    with pytest.raises(BadArchitecture, match=r"--map cell=key$"):
        run("import-csv", str(table), "--map", "cell=arch", *acc, *out, "--force")


def test_built_in_image_sets_are_listed_with_the_way_to_their_images(run):
    told = run("list").stdout
    for line in (
        r"cifar100 +100 +32 +50,000 +nasreplay data fetch cifar100",
        r"digits +10 +8 +1,437 +comes with scikit-learn",
        r"imagenet-1k +1,000 +224 +1,281,167 +an image folder ILSVRC2012/",
    ):
        assert re.search(line, told), line


def test_fetch_names_what_can_be_fetched(run):
    with pytest.raises(UnknownName, match=r"did you mean cifar10\?"):
        run("fetch", "cifr10")
    with pytest.raises(BadInput, match=r"digits cannot be fetched \(comes with scikit-learn\)"):
        run("fetch", "digits")


def test_fetch_is_content_with_files_that_are_there(run, tmp_path, monkeypatch):
    from nasreplay.train.images import published_files as published
    from tests.support.made_up import published_files

    published_files(tmp_path, published.PUBLISHED["cifar10"], monkeypatch)
    assert run("fetch", "C10", "--data", str(tmp_path)).stdout.strip() == str(
        tmp_path / "cifar-10-batches-py"
    )
