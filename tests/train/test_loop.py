from contextlib import suppress

import pytest
import torch
from torch import nn

from nasreplay.errors import BadSetting, TrainingFailed
from nasreplay.models.child_networks import child
from nasreplay.spaces import TOPOLOGY
from nasreplay.train.checkpoint import load_checkpoint, save_checkpoint
from nasreplay.train.device import Device
from nasreplay.train.distributed import Statistics
from nasreplay.train.images.image_sources import load
from nasreplay.train.loop import Trainer, evaluate, initial
from nasreplay.train.recipe import Recipe

RESNET = TOPOLOGY.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|")


def tiny() -> nn.Module:
    return child(TOPOLOGY, RESNET, 10, 4, 1)


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 10))


def trainer(build=linear, recipe=None, fraction=0.2, **device) -> Trainer:
    images = load("digits").train.fraction(fraction)
    return Trainer(build, images, recipe or Recipe(batch=32), 7, Device(**device))


@pytest.mark.slow
def test_a_child_learns_digits():
    source = load("digits")
    run = Trainer(tiny, source.train, Recipe(epochs=4, batch=32), 1)
    scores = [run.epoch({"test": source.all_test}) for _ in range(4)]
    assert scores[-1].sets["test"].top1 > 80
    assert scores[-1].sets["test"].top5 > 98
    assert scores[-1].train.loss < 0.5 * scores[0].train.loss
    assert [score.lr for score in scores] == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("build", [linear, tiny])
def test_a_training_continued_after_any_batch_ends_in_the_same_bits(tmp_path, build):
    sets = {"test": load("digits").all_test.fraction(0.1)}
    whole = trainer(build, fraction=0.1)
    wanted = [whole.epoch(sets) for _ in range(2)]

    class Killed(Exception):
        pass

    for stop in (1, 4, 5, 8, 10):
        victim, batches = trainer(build, fraction=0.1), 0

        def count(victim=victim, stop=stop):
            nonlocal batches
            batches += 1
            if batches == stop:
                save_checkpoint(tmp_path / "x.pt", victim.state_dict())
                raise Killed

        with suppress(Killed):
            for _ in range(2):
                victim.epoch(sets, count)
        assert batches == stop
        resumed = trainer(build, fraction=0.1)
        resumed.load_state_dict(load_checkpoint(tmp_path / "x.pt"))
        scores = [resumed.epoch(sets) for _ in range(resumed.trained, 2)]
        for one, other in zip(scores, wanted[-len(scores) :], strict=True):
            assert one.train[:3] == other.train[:3]
            assert one.sets["test"][:3] == other.sets["test"][:3]
        for name, values in whole.network.state_dict().items():
            assert torch.equal(values, resumed.network.state_dict()[name]), name


def test_the_seed_decides_and_global_generators_stay():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, again = trainer(), trainer()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.network.state_dict()["1.weight"], again.network.state_dict()["1.weight"])
    with initial(8):
        other = linear()
    assert not torch.equal(one.network.state_dict()["1.weight"], other.state_dict()["1.weight"])


def test_evaluation_changes_nothing_and_weights_batches_by_their_size():
    run, images = trainer(tiny), load("digits").all_test.fraction(0.2)
    before = {name: values.clone() for name, values in run.network.state_dict().items()}
    small, large = (evaluate(run.network, images, device=run.device, size=size) for size in (7, 72))
    assert run.network.training
    assert small.top1 == large.top1
    assert small.top5 == large.top5
    assert small.loss == pytest.approx(large.loss, rel=1e-5)
    assert all(torch.equal(values, before[name]) for name, values in run.network.state_dict().items())


class Headed(nn.Module):
    """Gives an auxiliary head's logits in training, and drops the path of a whole image."""

    def __init__(self):
        super().__init__()
        self.inner, self.head = linear(), linear()
        self.drop_path, self.generator = 0.0, None

    def forward(self, images):
        if not self.training:
            return self.inner(images)
        draws = torch.rand(len(images), 1, 1, 1, generator=self.generator)
        kept = images * (draws >= self.drop_path)
        return self.inner(kept), self.head(images)


def test_the_auxiliary_heads_loss_counts_with_its_weight_in_training_only():
    run, plain = (trainer(Headed, Recipe(batch=32, auxiliary=weight)) for weight in (0.4, 0.0))
    first = run.network.state_dict()["head.1.weight"].clone()
    both, one = run.epoch({"test": run.images}), plain.epoch({"test": run.images})
    assert not torch.equal(run.network.state_dict()["head.1.weight"], first)
    assert torch.equal(plain.network.state_dict()["head.1.weight"], first)
    assert both.sets["test"].loss == one.sets["test"].loss  # the heads share nothing here
    assert both.train.top1 == one.train.top1


def test_drop_path_rises_and_is_refused_where_there_is_none():
    run, rates = trainer(Headed, Recipe(batch=128, epochs=4, drop_path=0.2)), []
    for _ in range(4):
        run.epoch({}, lambda: rates.append(run.network.drop_path))
    assert sorted(set(rates)) == pytest.approx([0.0, 0.05, 0.1, 0.15])
    with pytest.raises(BadSetting, match="this network has none"):
        trainer(recipe=Recipe(drop_path=0.2))


def test_noise_and_averages_continue_in_the_same_bits(tmp_path):
    recipe = Recipe(batch=32, epochs=3, warmup=1, drop_path=0.9, ema=0.8, cutout=3)
    sets = {"test": load("digits").all_test.fraction(0.2)}
    whole, killed = trainer(Headed, recipe), trainer(Headed, recipe)
    wanted = [whole.epoch(sets) for _ in range(3)][-1]

    def stop():
        if killed.trained == 1 and killed.totals.images == 64:
            save_checkpoint(tmp_path / "x.pt", killed.state_dict())
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        for _ in range(3):
            killed.epoch(sets, stop)
    resumed = trainer(Headed, recipe)
    resumed.load_state_dict(load_checkpoint(tmp_path / "x.pt"))
    found = [resumed.epoch(sets) for _ in range(2)][-1]
    assert found.sets.keys() == {"test", "test (averaged weights)"}
    for name, score in found.sets.items():
        assert score[:3] == wanted.sets[name][:3]
    for name, values in whole.final.state_dict().items():
        assert torch.equal(values, resumed.final.state_dict()[name]), name


def test_averaged_weights_are_the_exponential_moving_average():
    run = trainer(recipe=Recipe(batch=64, ema=0.75))
    wanted = None

    def follow():
        nonlocal wanted
        now = run.network.state_dict()["1.weight"].clone()
        wanted = now if wanted is None else 0.75 * wanted + 0.25 * now

    run.epoch({}, follow)
    assert wanted is not None
    torch.testing.assert_close(run.final.state_dict()["1.weight"], wanted)


def test_a_loss_that_is_no_number_ends_the_training():
    run = trainer(recipe=Recipe(batch=32, lr=1e9))
    with pytest.raises(TrainingFailed, match=r"the training loss is (nan|inf) in epoch 1, image \d+: lower"):
        run.epoch({})


def test_bf16_trains_with_float32_weights():
    run = trainer(tiny, precision="bf16")
    losses = [run.epoch({}).train.loss for _ in range(3)]
    assert losses[-1] < losses[0]
    assert {values.dtype for values in run.network.parameters()} == {torch.float32}


def test_channels_last_changes_nothing_but_rounding():
    one, other = (trainer(tiny, channels_last=choice).epoch({}).train for choice in (False, True))
    assert one.loss == pytest.approx(other.loss, rel=1e-2)


def test_places_that_do_not_exist():
    with pytest.raises(BadSetting, match="float32, bf16"):
        Device(precision="half")
    with pytest.raises(BadSetting, match="not available"):
        Device(name="cuda:77")


def test_accumulated_micro_batches_are_the_batch_where_nothing_is_normalized_by_it():
    whole, parts = (trainer(linear, Recipe(batch=32, micro_batches=count)) for count in (1, 4))
    scores = [run.epoch({"test": run.images}) for run in (whole, parts)]
    assert scores[0].train[:3] == pytest.approx(scores[1].train[:3], rel=1e-5)
    for name, values in whole.network.state_dict().items():
        torch.testing.assert_close(parts.network.state_dict()[name], values, rtol=1e-4, atol=1e-6)


def test_running_statistics_are_the_mean_of_the_micro_batches():
    batch = torch.randn(6, 3, 2, 2)
    network, one, other = (nn.BatchNorm2d(3) for _ in range(3))
    statistics = Statistics(network, True)
    for half, alone, images in ((1 / 3, one, batch[:2]), (2 / 3, other, batch[2:])):
        with statistics.of(half):
            network(images)
        alone(images)
    statistics.keep()
    for name in ("running_mean", "running_var"):
        mean = getattr(one, name) / 3 + 2 * getattr(other, name) / 3
        torch.testing.assert_close(getattr(network, name), mean)
    assert network.num_batches_tracked == 2


def test_synchronized_batch_norms_need_cuda():
    with pytest.raises(BadSetting, match="between CUDA devices only"):
        trainer(recipe=Recipe(batch=32, sync_bn=True))
