import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nasreplay.data.pack.curves import BLOCK, Packed, decode, encode, form_of, packed, unpacked

numbers = st.one_of(
    st.floats(min_value=0, allow_subnormal=True),
    st.floats(0, 100),
    st.integers(0, 10_000).map(lambda count: 100 * count / 10_000),
    st.just(float("nan")),
)
metrics = st.sampled_from(["accuracy", "loss", "top5"])
images = st.sampled_from([None, 3_000, 10_000, 25_000, 151_700])


@pytest.mark.slow
@given(arrays(np.float64, array_shapes(max_dims=2, max_side=9), elements=numbers), metrics, images)
def test_exact_curves_come_back_to_the_last_bit(values, metric, count):
    form = form_of(metric, count)
    np.testing.assert_array_equal(decode(encode(values, form), form), values)


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=50), metrics, images)
def test_float32_curves_are_as_near_as_float32(values, metric, count):
    form, values = form_of(metric, count, exact=False), np.array(values)
    back = decode(encode(values, form), form)
    assert (np.abs(back - values) <= values * 2.0**-24).all()
    assert np.isnan(decode(encode(np.full(3, np.nan), form), form)).all()


def test_averages_over_batches_are_integers():
    # 97 batches of 256 and one of 168: the rounding of float32 is in the last batch alone
    right, last = np.arange(1000, 20_000, 7), np.arange(1000, 20_000, 7) % 169
    of_last = (last.astype(np.float32) * np.float32(100 / 168)).astype(np.float64)
    accuracy = (100.0 * (right - last) + 168 * of_last) / 25_000
    assert (encode(accuracy, form_of("accuracy", 25_000)) >= 0).all()
    assert (encode(accuracy, form_of("accuracy", 25_000, exact=False)) == right).all()


@settings(max_examples=40)
@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=numbers), st.booleans())
def test_chunks_come_back(values, exact):
    form = form_of("loss", 10_000, exact)
    values = np.where(values > 1e30, 1.0, values)
    chunk = packed(values, form)
    if chunk is None:
        assert np.isnan(values).all()
        return
    whole = unpacked(chunk, form, values.shape[1])
    np.testing.assert_array_equal(whole[: len(values)], encode(values, form))
    assert (whole[len(values) :] == -1).all()


def test_damaged_chunks_are_refused():
    form = form_of("loss", 10_000)
    chunk = packed(np.random.default_rng(0).uniform(0, 3, (BLOCK, 12)), form)
    assert chunk is not None
    for place in range(0, len(chunk.content), 7):
        content = bytearray(chunk.content)
        content[place] ^= 1
        with pytest.raises(ValueError, match="a chunk is damaged"):
            unpacked(Packed(bytes(content), chunk.sum), form, 12)
    for epochs in (11, 13):
        with pytest.raises(ValueError, match="a chunk is damaged"):
            unpacked(chunk, form, epochs)


def test_a_bomb_takes_no_memory():
    bomb = zlib.compress(bytes(2**26))
    tracemalloc.start()
    with pytest.raises(ValueError, match="a chunk is damaged"):
        unpacked(Packed(bomb, b""), form_of("loss", None), 12)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
