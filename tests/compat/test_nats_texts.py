"""Random texts of cells, read by the official package and by ours."""

import nats_bench
import nats_bench.genotype_utils as theirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.compat.nats_bench import NATStopology
from nasreplay.compat.nats_bench import genotype_utils as ours
from tests.support.official_answers import alike, outcome

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "own")


def edges(node: int) -> st.SearchStrategy[str]:
    edge = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, node))  # the last source is one too many
    return st.lists(edge, min_size=1, max_size=3).map(lambda found: "|".join(f"{op}~{i}" for op, i in found))


texts = st.integers(1, 4).flatmap(
    lambda nodes: st.tuples(*(edges(node) for node in range(1, nodes + 1))).map(
        lambda parts: "+".join(f"|{part}|" for part in parts)
    )
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(texts, st.sampled_from(OPERATIONS), st.sampled_from([True, False, None]))
def test_random_texts_of_cells(text, operation, zero):
    for call in ("str2lists", "str2matrix"):
        assert alike(
            outcome(getattr(NATStopology, call), text), outcome(getattr(nats_bench.NATStopology, call), text)
        )
    mine, official = (outcome(kind.topology_str2structure, text) for kind in (ours, theirs))
    assert alike(mine, official)
    if official[0] == "result":
        mine, official = (kind.topology_str2structure(text) for kind in (ours, theirs))
        for call, args in (
            ("tolist", (operation,)),
            ("to_unique_str", (zero,)),
            ("check_valid", ()),
            ("check_valid_op", (OPERATIONS[:4],)),
            ("node", (1,)),
            ("tostr", ()),
            ("__len__", ()),
        ):
            assert alike(outcome(getattr(mine, call), *args), outcome(getattr(official, call), *args)), call
