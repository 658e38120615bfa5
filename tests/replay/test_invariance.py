"""Replica r of a seed gives the same bits alone, among 7 or 500, and in another process with other threads."""

import hashlib
import os
import subprocess
import sys

import pytest

from nasreplay import load_table, search

BUDGET = search.Budget(evaluations=40, epochs=60)
ARRAYS = ("found_flat", "incumbent_flat", "clock", "evaluated_flat", "observed", "trial")
DIGESTS = f"""
import hashlib
from nasreplay import load_table, search
table = load_table("cifar100")
for name in search.SEARCHERS:
    result = search.run(search.make(name), table, {BUDGET!r}, seed=9, replicas=7)
    print(name, hashlib.sha256(b"".join(getattr(result, array).tobytes() for array in {ARRAYS})).hexdigest())
""".replace("Budget(", "search.Budget(")


def outcome(name, replicas):
    return search.run(search.make(name), load_table("cifar100"), BUDGET, seed=9, replicas=replicas)


@pytest.mark.slow
@pytest.mark.parametrize("name", search.SEARCHERS)
def test_same_bits_among_1_7_and_500(name):
    many = outcome(name, 500)
    few, one = outcome(name, range(3, 10)), outcome(name, range(5, 6))
    for array in ARRAYS:
        whole = getattr(many, array)
        assert getattr(few, array).tobytes() == whole[3:10].tobytes(), array
        assert getattr(one, array).tobytes() == whole[5:6].tobytes(), array


@pytest.mark.slow
def test_same_bits_in_other_processes_with_other_threads():
    printed = []
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", DIGESTS], env=environment, capture_output=True, text=True, check=True
        )
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    for line in printed[0].splitlines():
        name, digest = line.split()
        result = outcome(name, 7)
        here = b"".join(getattr(result, array).tobytes() for array in ARRAYS)
        assert hashlib.sha256(here).hexdigest() == digest, name
