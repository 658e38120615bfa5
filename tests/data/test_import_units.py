"""CSV files whose units are not the table's, and files of which nobody said what they hold."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from nasreplay.data.importers.csv_to_pack import Imported, import_csv
from nasreplay.errors import BadInput, BadSetting
from nasreplay.spaces import TOPOLOGY

BASE = "cifar10-valid/12"
ACCURACY = f"{BASE}/x-valid/accuracy"


def run(folder: Path, column: str, values: Sequence[object], *mappings: str, head: str = "key") -> Imported:
    rows = [f"{place:06o},{value}" for place, value in enumerate(values)]
    (folder / "mine.csv").write_text("\n".join([f"{head},{column}", *rows]) + "\n")
    return import_csv(folder / "mine.csv", folder / "out.h5", mappings, space=TOPOLOGY)


@pytest.mark.parametrize(
    ("column", "values", "path", "message"),
    [
        (
            "acc",
            [0.0, 0.91, 1.0],
            ACCURACY,
            r"at most 1, as fractions are; .*'acc\*100=cifar10-valid/12/x-valid",
        ),
        ("acc", [0.5, "", "nan"], ACCURACY, r"acc\*100="),
        ("top5", [0.5], f"{BASE}/train/top5", r"top5\*100="),
        ("valid_error", [9.1, 8.2], ACCURACY, "looks like errors, not accuracies"),
        ("params", [1073466, 2e6], f"{BASE}/params", r"the unit is millions: write --map 'params\*1e-6="),
        ("flops", [1.5e8], f"{BASE}/flops", r"flops\*1e-6="),
        ("latency", [13, 18, 20], f"{BASE}/latency", r"looks like milliseconds.*latency\*0.001="),
        ("latency_ms", [1.3], "cifar10-valid/latency", r"latency_ms\*0.001="),
    ],
)
def test_a_unit_that_is_recognizably_wrong_is_refused(tmp_path, column, values, path, message):
    with pytest.raises(BadInput, match=message) as caught:
        run(tmp_path, column, values, "key=key", f"{column}={path}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.h5").exists()


def test_a_factor_settles_the_unit(tmp_path):
    done = run(tmp_path, "acc", [0.0, 0.91, 1.0], "key=key", f"acc*100={ACCURACY}")
    assert sorted(done.pack.column(ACCURACY)[:, 0])[:3] == [0, 91, 100]
    done = run(tmp_path, "acc", [0.1, 0.2], "key=key", f"acc*1={ACCURACY}")  # of a thousand classes, say
    assert sorted(done.pack.column(ACCURACY)[:, 0])[:2] == [0.1, 0.2]
    assert done.remarks == ()


def test_what_may_be_the_whole_training_is_told(tmp_path):
    path = f"{BASE}/seconds_per_epoch"
    for column, values in (("train_time", [30, 40]), ("seconds", [3000, 4000])):
        done = run(tmp_path, column, values, "key=key", f"{column}={path}")
        assert done.remarks == (
            f"column '{column}' is taken for seconds of one epoch; if they are of all 12: "
            f"--map '{column}*0.0833333333333={path}'",
        )
    assert run(tmp_path, "seconds", [30, 40], "key=key", f"seconds={path}").remarks == ()


@pytest.mark.parametrize(
    ("head", "column", "value", "guess"),
    [
        ("key", "val_acc", 91.5, "--map key=key --map 'val_acc=mine/200/x-valid/accuracy' --own mine"),
        ("arch_key", "acc", 0.91, "--map arch_key=key --map 'acc*100=mine/200/x-valid/accuracy' --own mine"),
        ("network", "test-acc", 5, "--map network=key --map 'test-acc=mine/200/x-test/accuracy' --own mine"),
    ],
)
def test_without_a_map_the_columns_are_listed_and_guessed(tmp_path, head, column, value, guess):
    with pytest.raises(BadSetting) as caught:
        run(tmp_path, column, [value], head=head)
    assert f"what its columns are: {head}, {column}; maybe: {guess}" in str(caught.value)


def test_columns_that_say_nothing_are_listed_alone(tmp_path):
    with pytest.raises(BadSetting, match=r"what its columns are: a, b$"):
        run(tmp_path, "b", [3], head="a")
    with pytest.raises(BadSetting, match=r"map exactly one to arch, key, index; the file has a, b$"):
        run(tmp_path, "b", [3], f"b={ACCURACY}", head="a")


def test_a_bad_row_is_named_by_its_line(tmp_path):
    (tmp_path / "mine.csv").write_bytes(b'\xef\xbb\xbfkey;acc\r\n\r\n"000000";5\r\n000001;x\r\n')
    with pytest.raises(BadInput, match="line 4, column 'acc': 'x' is not a number"):
        import_csv(tmp_path / "mine.csv", tmp_path / "out.h5", ["key=key", f"acc={ACCURACY}"], space=TOPOLOGY)


@pytest.mark.parametrize("number", ["9" * 5000, "1_0", "٥", "0x1f", "1e999"])
def test_numbers_are_plain(tmp_path, number):
    with pytest.raises(BadInput, match="line 2, column 'acc'"):
        run(tmp_path, "acc", [number], "key=key", f"acc={ACCURACY}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "piece", "times", "message"),
    [
        ("x.csv.gz", b"000000,5\n", 10_000_000, "more than 64 MB of text"),
        ("x.csv.gz", b",", 10**8, "more than 64 MB of text"),
        ("x.csv", b",", 2_000_000, "longer than 1,000,000 characters"),
        ("x.csv", b"," * 900_000 + b"\n", 1, "more than 3,000,000 cells or 2,000 columns"),
        ("x.csv", b"a,b\n", 100_000, "more than 15,625 rows"),
        ("x.csv", b'"' + b"a" * 200_000 + b"\n", 1, "not a CSV file: field larger"),
        ("/dev/zero", b"", 0, "a pipe, a device or a socket"),
    ],
)
def test_files_without_end_are_refused(tmp_path, name, piece, times, message):
    if times:
        content = piece * times
        (tmp_path / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    with pytest.raises(BadInput, match=message):
        import_csv(tmp_path / name, tmp_path / "out.h5", ["key=key", f"acc={ACCURACY}"], space=TOPOLOGY)
