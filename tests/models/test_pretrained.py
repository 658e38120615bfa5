"""Released weights: `nasreplay.models.pretrained` and the entry point of torch.hub, without any network."""

import hashlib
import re
from pathlib import Path

import pytest
import torch

import nasreplay
from nasreplay.errors import BadInput, BadSetting, UnknownName
from nasreplay.models.nasnet.released_network import ReleasedNetwork
from tests.support.command import CHECKOUT

FILE = "cnas-imagenet-602b7057.pth"
SHAPES = "5aeb1bb9e7775fc0fede8922cb2e49f7015450299b8603a3f9e4e50acee69332"
"""sha256 of the release's names and shapes, as the goldens of CNAS's networks have it."""


@pytest.fixture(scope="module")
def hub():
    """The network as the release has it, untrained."""
    return torch.hub.load(str(CHECKOUT), "cnas_imagenet", source="local", pretrained=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory, hub) -> Path:
    """A $TORCH_HOME with a file of the right names."""
    folder = tmp_path_factory.mktemp("torch")
    (folder / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(hub.state_dict(), folder / "hub" / "checkpoints" / FILE)
    return folder


@pytest.fixture
def there(home, monkeypatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(home))
    return home / "hub" / "checkpoints" / FILE


def test_the_entry_point_has_the_names_of_the_release(hub):
    state = hub.state_dict()
    lines = [f"{name} {tuple(value.shape)}" for name, value in state.items()]
    assert len(lines) == 1292
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == SHAPES
    hub.load_state_dict(state)  # strictly, as programs of the release do
    with pytest.raises(RuntimeError, match=r"stem0\.0\.weight"):
        hub.load_state_dict({name: value for name, value in state.items() if name != "stem0.0.weight"})
    nested = torch.nn.Sequential(hub)
    assert [*nested.state_dict()] == [f"0.{name}" for name in state]
    nested.load_state_dict(nested.state_dict())


@pytest.mark.slow
def test_its_output_is_a_pair(hub):
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        logits, auxiliary = hub.train()(images, 0.2)
        assert (logits.shape, auxiliary.shape) == ((2, 1000), (2, 1000))
        logits, auxiliary = hub.eval()(images)
        assert (logits.shape, auxiliary) == ((2, 1000), None)


@pytest.mark.slow
def test_a_file_in_its_place_is_found_and_another_digest_told(there, hub):
    with pytest.warns(
        UserWarning,
        match=rf"{re.escape(FILE)}: its sha256 begins with \w{{8}}, the released one with 602b7057",
    ):
        net = nasreplay.models.pretrained("CNAS")
    assert not isinstance(net, ReleasedNetwork)
    assert all(map(torch.equal, net.state_dict().values(), hub.state_dict().values()))
    with pytest.raises(BadInput, match="the released one with 602b7057: get it again"):
        nasreplay.models.pretrained("CNAS", check_hash=True)
    other = there.parent / "mine.pth"
    torch.save({"state_dict": {k: v for k, v in hub.state_dict().items() if "auxiliary" not in k}}, other)
    net = torch.hub.load(str(CHECKOUT), "cnas_imagenet", source="local", weights=other)
    assert isinstance(net, ReleasedNetwork)
    assert len(net.state_dict()) == 1283


def test_a_file_that_is_nowhere_is_told_in_one_line(tmp_path):
    with pytest.raises(BadInput) as told:
        nasreplay.models.pretrained("CNAS", model_dir=tmp_path, download=False)
    assert str(told.value) == (
        f"{FILE} is not in {tmp_path}: get it from https://github.com/guoyongcs/CNAS/releases/tag/models and put it "
        'there, or name another place with weights, download fetches it; `nasreplay.models.pretrained("CNAS", '
        "trained=False)` is the network untrained"
    )
    with pytest.raises(
        BadInput, match=r"snas-mild-edge-all\.pt is not in .*: get it from https://drive\.google"
    ):
        nasreplay.models.pretrained("SNAS_mild_edge_all", model_dir=tmp_path)  # it has no address
    assert not list(tmp_path.iterdir())
    with pytest.raises(
        BadSetting, match=r"DARTS_V1: no released weights are known, only of CNAS \(imagenet-1k\)"
    ):
        nasreplay.models.pretrained("DARTS_V1")
    with pytest.raises(UnknownName, match="did you mean CNAS"):
        nasreplay.models.pretrained("CNASS")


def test_what_cannot_be_downloaded_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(
        BadInput, match=r"602b7057\.pth is not in .* and cannot be downloaded \(.*refused.*\): get it"
    ):
        nasreplay.models.pretrained("CNAS", model_dir=tmp_path / "new")
