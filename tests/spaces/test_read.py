import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture
from nasreplay.spaces import NASNET, SIZE, TOPOLOGY, Architecture, Space, register_space
from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.read import MANY, read, read_architecture, read_many

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
ALPHABET = "|~+:0123456789 \t'\"noeskip_cvavgl3x\x00\n-−²٣é你\U0001f600\ud800#[]{}.,"


@pytest.mark.parametrize("text", [BEST, "333133", "9930", f"  '{BEST}'\n", '"333133"', "09930"])
def test_four_forms_of_one_cell(text):
    assert str(read_architecture(text)) == BEST


def test_forms_that_look_alike():
    assert str(read_architecture("8:16:24:32:40")) == "8:16:24:32:40"
    assert read_architecture("11").official_index == 11
    assert read_architecture("000011").codes == (0, 0, 0, 0, 1, 1)  # six digits are a key
    assert read_architecture("000011", index=True).official_index == 11
    assert str(read_architecture("11", space=SIZE)) == "8:8:8:16:32"


@pytest.mark.parametrize("text", ["", "x", "1234567", "-1", "1.5", "٣٣", "none", "1e3", "²"])
def test_the_error_names_the_four_forms(text):
    with pytest.raises(BadArchitecture) as caught:
        read_architecture(text)
    told = str(caught.value)
    assert all(form in told for form in ("|op~0|", "six-digit key", "official index", "8:16:24:32:40"))
    assert "\n" not in told


@pytest.mark.parametrize(
    "text", ["15625", "99999", BEST.replace("~2", "~3"), "123459", "8:8:8:8:9", "x:", "a~"]
)
def test_errors_of_the_recognized_form(text):
    with pytest.raises(BadArchitecture) as caught:
        read_architecture(text)
    assert repr(text) in str(caught.value) or text in str(caught.value)


def test_a_long_text_is_not_repeated():
    with pytest.raises(BadArchitecture) as caught:
        read_architecture("|none~0" * 100_000)
    assert "(700,000 characters)" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["333", BEST, "", "x", "-1", "²"])
def test_index_only(text):
    if text == "333":
        assert read_architecture(text, index=True).official_index == 333
    else:
        with pytest.raises(BadArchitecture, match="official index"):
            read_architecture(text, index=True)


def test_genotypes_and_published_names():
    genotype = TOPOLOGY.genotype(TOPOLOGY.parse_key("333133"))
    assert read(to_darts(genotype)) == genotype
    assert str(read_architecture(to_darts(genotype))) == BEST
    assert read("DARTS") == entry("DARTS_V2").genotype
    with pytest.raises(BadArchitecture, match="not a NAS-Bench-201 cell: it has 4 intermediate nodes"):
        read_architecture("DARTS_V2")
    with pytest.raises(BadArchitecture, match="a genotype is no architecture of the size space"):
        read_architecture("DARTS_V2", space=SIZE)
    assert str(read_architecture("DARTS_V2", space=NASNET)) == to_darts(entry("DARTS_V2").genotype)


def test_values_of_python():
    each = TOPOLOGY.at_flat(7)
    named = [each, each.official_index, str(each), TOPOLOGY.genotype(each.codes)]
    assert read_many(named)[1].tolist() == [7] * 4
    with pytest.raises(BadArchitecture, match="index -1 is outside"):
        read_architecture(-1)


def test_a_registered_space_is_read_as_ours_are():
    space = register_space(Space("read-blocks", (("dense", "pool"), ("8", "16", "32"))))
    assert read("pool/16") == space.architecture("pool/16")
    assert read("4", space=space) == space.at_flat(4)
    assert read_many(["pool/16", "dense/8"], space=space)[1].tolist() == [4, 0]
    with pytest.raises(
        BadArchitecture, match="architecture 2 of 2: 'dense/8' belongs to the read-blocks space"
    ):
        read_many(["9930", "dense/8"])
    register_space(Space("read-twins", (("dense", "pool"), ("8", "16", "32"))))
    with pytest.raises(
        BadArchitecture, match="'dense/8' is of several spaces, read-blocks, read-twins: name one"
    ):
        read("dense/8")
    with pytest.raises(BadArchitecture, match="character 6: '64' is not one of 8, 16, 32"):
        read_many(["pool/64"], space=space)


def test_many_equals_one_by_one():
    draw = random.Random(0)
    flats = [draw.randrange(TOPOLOGY.size) for _ in range(3 * MANY)]
    forms = [str, lambda each: TOPOLOGY.key(each.codes), lambda each: f" {each.official_index}\n"]
    texts = [draw.choice(forms)(TOPOLOGY.at_flat(flat)) for flat in flats]
    space, found = read_many(texts)
    assert space is TOPOLOGY
    assert found.tolist() == flats
    space, found = read_many(["8:8:8:8:8", "64:64:64:64:64"] * MANY)
    assert space is SIZE
    assert found.tolist() == [0, 32767] * MANY


def test_many_names_the_bad_one():
    with pytest.raises(BadArchitecture, match="architecture 2 of 3: '8:8:8:8:8' belongs to the size space"):
        read_many(["1", "8:8:8:8:8", "x"])
    with pytest.raises(BadArchitecture, match="architecture 3 of 3: 'x' is not an architecture"):
        read_many(["1", "2", "x"])
    with pytest.raises(BadArchitecture, match="belongs to the topology space, but this is about the size"):
        read_many(["333133"], space=SIZE)
    with pytest.raises(BadArchitecture, match="no architecture given"):
        read_many([])
    assert read_many(["32767"], space=SIZE)[1].tolist() == [32767]


def readers():
    yield read_architecture
    yield lambda text: read_architecture(text, index=True)
    yield lambda text: Architecture(TOPOLOGY, TOPOLOGY.parse(text))
    yield lambda text: Architecture(TOPOLOGY, TOPOLOGY.parse_key(text))
    yield lambda text: Architecture(SIZE, SIZE.parse(text))


def survives(text: str) -> None:
    """A text is read as an architecture whose own text reads back the same, or raises BadArchitecture."""
    for reader in readers():
        told = ""
        try:
            found = reader(text)
        except BadArchitecture as problem:
            found, told = None, str(problem)
        if found is None:
            assert "\n" not in told
            continue
        assert read_architecture(str(found)) == found


@pytest.mark.slow
def test_twelve_thousand_damaged_texts():
    draw = random.Random(201)
    whole = [
        lambda: str(TOPOLOGY.at_flat(draw.randrange(15625))),
        lambda: str(SIZE.at_flat(draw.randrange(32768))),
    ]
    whole += [
        lambda: f"{draw.randrange(20000)}",
        lambda: TOPOLOGY.key(TOPOLOGY.at_flat(draw.randrange(15625)).codes),
    ]
    for _ in range(12_000):
        letters = list(draw.choice(whole)())
        for _ in range(draw.randint(1, 4)):
            place = draw.randint(0, len(letters))
            match draw.randrange(5):
                case 0:
                    letters[place:place] = draw.choice(ALPHABET)
                case 1:
                    del letters[place : place + draw.randint(1, 9)]
                case 2:
                    letters[place : place + 1] = draw.choice(ALPHABET)
                case 3:
                    letters[place:place] = letters[draw.randint(0, len(letters)) :][: draw.randint(1, 20)]
                case 4:
                    letters.reverse()
        survives("".join(letters))


@pytest.mark.slow
@given(st.text())
def test_arbitrary_texts(text):
    survives(text)


@given(st.text(ALPHABET, max_size=40))
def test_texts_of_suspicious_letters(text):
    survives(text)
