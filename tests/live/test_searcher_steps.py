"""One step of each searcher on shared weights: the recorded numbers, and the published step on xautodl's networks."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from easydict import EasyDict
from torch.func import functional_call
from torch.nn import functional as F

from nasreplay import search
from nasreplay.config import folder
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.topology import OPERATIONS
from nasreplay.train.epochs import Batch
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import IDLE, Recipe, recipe_of
from tests.support.formula import fill, golden, images, symmetric, uniform

MODES, V2 = golden("supernet_modes")["nb201"], golden("darts_v2")["darts_v2"]
LIVE = search.Live(np.array([0]), np.zeros(1), 0, 1)
ADAM = {"lr": 3e-4, "betas": (0.5, 0.999), "weight_decay": 1e-3}


def begun(name, recipe, dtype=torch.float64, **changes) -> tuple[Any, SupernetEvaluator]:
    """(searcher, supernet) before their first step."""
    supernet = SupernetEvaluator(
        load("digits"), CellNetwork(channels=4, cells=1), recipe=recipe, fraction=0.1, dtype=dtype
    )
    searcher = search.make(name, changes, preset="published")
    searcher.begin(TOPOLOGY, supernet.ladder(), 3, range(1))
    return searcher, supernet


# --- recorded steps: weights, batches, logits and noise by formula ----------------------------------


def recorded(name, recipe, **changes):
    """The recorded weights, logits and batches in our objects; all batches are the same one for first order."""
    searcher, supernet = begun(name, recipe, **changes)
    with torch.no_grad():
        fill(supernet.net)
    searcher.state.logits = 0.5 * symmetric((1, 6, 5), 4).numpy()
    train = Batch(images((4, 3, 16, 16)), torch.arange(4))
    valid = Batch(images((4, 3, 16, 16), 8), torch.arange(4, 8))
    supernet.drawn = [train, valid if searcher.slope_order == 2 else train]
    supernet.begin_step = lambda learns=True: None  # pyright: ignore[reportAttributeAccessIssue]
    return searcher, supernet


class RecordedDraws:
    """The recorded noise, and uniform numbers that make `Space.sample` choose these codes."""

    def __init__(self, codes):
        self.codes = codes

    def gumbel(self, count):
        return -np.log(-np.log(uniform(count, 20)))[None]

    def uniform(self, count):
        return (np.array([self.codes]) + 0.5) / 5


def gradient_of_logits(searcher, start):
    """What Adam's first step was given, without its decay."""
    return searcher.state.first / (1 - searcher.betas[0]) - searcher.weight_decay * start


STILL = Recipe("still", lr=1e-30, decay=0.0, batch=4)  # the recorded gradients are those of the same weights
DYNAMIC = TOPOLOGY.parse(MODES["setn_dynamic"]["arch"])


@pytest.mark.parametrize(
    ("name", "weights", "slope", "changes"),
    [
        ("darts-v1", "darts_joint_train", "darts_joint_train", {}),
        ("gdas", "gdas_tau_10", "gdas_tau_10", {"tau_max": 10.0}),
        ("gdas", "gdas_tau_1", "gdas_tau_1", {"tau_max": 1.0}),
        ("gdas", "gdas_tau_0.1", "gdas_tau_0.1", {"tau_max": 0.1}),
        ("setn", "setn_dynamic", "setn_joint", {}),
        ("rsps", "setn_dynamic", None, {}),
    ],
)
def test_first_order_steps_equal_the_recorded_ones(name, weights, slope, changes):
    searcher, supernet = recorded(name, STILL, **changes)
    searcher.draws = lambda rows: RecordedDraws(DYNAMIC)
    start = searcher.state.logits.copy()
    searcher.step(supernet, LIVE)
    assert supernet.metrics["train_loss"] == pytest.approx([MODES[weights]["loss"]], rel=1e-9)
    moments = [entry["momentum_buffer"] for entry in supernet.optimizer.state.values()]
    assert sum((m**2).sum().item() for m in moments) == pytest.approx(
        MODES[weights]["weight_grad_sq_sum"], rel=1e-8
    )
    if slope:
        assert searcher.state.loss[0] == pytest.approx(MODES[slope]["loss"], rel=1e-9)
        wanted = MODES[slope]["alpha_grads"]
        np.testing.assert_allclose(gradient_of_logits(searcher, start), wanted, rtol=1e-6, atol=1e-9)


def test_a_second_order_step_equals_the_recorded_one():
    recipe = recipe_of(str(folder() / "opts" / "DARTS.config"))
    searcher, supernet = recorded("darts-v2", recipe)
    supernet.learn(searcher.trained(LIVE.rows, 1.0))  # the recorded step comes after one on the weights alone
    searcher.step(supernet, LIVE)
    second = V2["old_second_call_with_momentum"]
    assert searcher.state.loss[0] == pytest.approx(second["unrolled_val_loss"], rel=1e-9)
    np.testing.assert_allclose(searcher.state.logits[0], V2["alpha_after_adam_step"], rtol=0, atol=1e-9)


# --- the published steps, written plainly on xautodl's networks -------------------------------------


def published_network(name):
    """xautodl's supernet of a method."""
    models = pytest.importorskip("xautodl.models", exc_type=ImportError)
    config = EasyDict(name=name, C=4, N=1, max_nodes=4, num_classes=10, space=list(OPERATIONS))
    return models.get_cell_based_tiny_net(EasyDict(config, affine=False, track_running_stats=True))


def loss_of(net, batch, **parameters):
    return F.cross_entropy(functional_call(net, parameters, (batch.images,))[1], batch.labels)


class Published:
    """A network with its optimizers; `step` gets what ours drew: batches, Gumbel noise, architectures."""

    network = "DARTS-V1"

    def __init__(self, logits, recipe):
        self.net, self.recipe = published_network(self.network), recipe
        alphas = torch.as_tensor(logits) if logits.ndim == 3 else torch.zeros(1, 6, 5)
        self.alphas = torch.nn.Parameter(alphas[0].clone())
        self.weights = [p for key, p in self.net.named_parameters() if key != "arch_parameters"]

    def copy_from(self, state, dtype):
        self.net.load_state_dict(state, strict=False)
        self.net.to(dtype).train()
        self.alphas.data = self.alphas.data.to(dtype)
        if hasattr(self.net, "arch_parameters"):
            self.net.arch_parameters = self.alphas
        recipe = self.recipe
        self.of_weights = torch.optim.SGD(
            self.weights, recipe.lr, recipe.momentum, weight_decay=recipe.decay, nesterov=recipe.nesterov
        )
        self.of_alphas = torch.optim.Adam([self.alphas], **ADAM)

    def step_weights(self, loss):
        self.net.zero_grad(set_to_none=self.recipe.idle == "rest")  # PyTorch 2's; zeros as before it
        loss.backward()
        if self.recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.of_weights.step()
        return loss.item()

    def step_alphas(self, loss):
        self.alphas.grad = None
        loss.backward()
        self.of_alphas.step()
        return loss.item()

    def step(self, drawn) -> tuple[float, float | None]:
        """(loss of the weights, loss of the logits)."""
        train, valid = drawn.batches
        return self.step_weights(loss_of(self.net, train)), self.step_alphas(loss_of(self.net, valid))


class PublishedGDAS(Published):
    network = "GDAS"

    def step(self, drawn) -> tuple[float, float | None]:
        self.net.set_tau(drawn.temperature)
        noise = iter(drawn.noise)
        with pytest.MonkeyPatch.context() as patch:  # E with −ln E = our noise
            patch.setattr(torch.Tensor, "exponential_", lambda this: this.copy_(torch.exp(-next(noise))))
            return super().step(drawn)


class PublishedSETN(Published):
    network = "SETN"

    def step(self, drawn) -> tuple[float, float | None]:
        from xautodl.models.cell_searchs.genotypes import Structure

        train, valid = drawn.batches
        self.net.set_cal_mode("dynamic", Structure.str2structure(TOPOLOGY.format(drawn.learned[0].tolist())))
        first = self.step_weights(loss_of(self.net, train))
        self.net.set_cal_mode("joint")
        return first, self.step_alphas(loss_of(self.net, valid))


class PublishedENAS(Published):
    network = "ENAS"

    def step(self, drawn) -> tuple[float, float | None]:
        self.net.update_arch(drawn.learned[0].tolist())
        return self.step_weights(loss_of(self.net, drawn.batches[0])), None


class PublishedRSPS(Published):
    network = "RANDOM"

    def step(self, drawn) -> tuple[float, float | None]:
        from xautodl.models.cell_searchs.genotypes import Structure

        self.net.arch_cache = Structure.str2structure(TOPOLOGY.format(drawn.learned[0].tolist()))
        return self.step_weights(loss_of(self.net, drawn.batches[0])), None


class PublishedDartsV2(Published):
    network = "DARTS-V2"

    def step(self, drawn) -> tuple[float, float | None]:
        """A then W; a copy of the network takes the unrolled step, as published."""
        train, valid = drawn.batches
        rate, recipe = self.recipe.lr, self.recipe
        gradients = torch.autograd.grad(loss_of(self.net, train), self.weights)
        moments = [self.of_weights.state[p].get("momentum_buffer", torch.zeros_like(p)) for p in self.weights]
        unrolled = copy.deepcopy(self.net)
        moved = [p for key, p in unrolled.named_parameters() if key != "arch_parameters"]
        with torch.no_grad():
            for p, w, g, b in zip(moved, self.weights, gradients, moments, strict=True):
                p.copy_(w - rate * (recipe.momentum * b + g + recipe.decay * w))
        loss = loss_of(unrolled, valid)
        direct, *direction = torch.autograd.grad(loss, [unrolled.arch_parameters, *moved])
        radius = 0.01 / torch.cat([d.flatten() for d in direction]).norm()
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                for w, d in zip(self.weights, direction, strict=True):
                    w.add_(d, alpha=sign * radius)
            sides.append(torch.autograd.grad(loss_of(self.net, train), self.alphas)[0])
            with torch.no_grad():
                for w, d in zip(self.weights, direction, strict=True):
                    w.add_(d, alpha=-sign * radius)
        self.alphas.grad = direct - rate * (sides[0] - sides[1]) / (2 * radius)
        self.of_alphas.step()
        return self.step_weights(loss_of(self.net, train)), loss.item()


class PublishedSNAS(Published):
    """The authors' step: one backward pass of the training batch for both; their network is of another space."""

    def step(self, drawn) -> tuple[float, float | None]:
        sample = (
            self.alphas + drawn.noise[0].to(self.alphas)
        ) / drawn.temperature  # the network's softmax follows
        loss = loss_of(self.net, drawn.batches[0], arch_parameters=sample)
        self.alphas.grad = None
        self.step_weights(loss)
        torch.nn.utils.clip_grad_norm_([self.alphas], 10.0)
        self.of_alphas.step()
        return loss.item(), loss.item()


class Drawn:
    """Listens to what our searcher draws in a step."""

    def __init__(self, searcher, supernet):
        self.searcher, self.supernet, self.noise, self.learned = searcher, supernet, [], []
        self.temperature = getattr(searcher, "temperature", lambda *_: 1.0)(0, 1)
        draws, learn = searcher.draws, supernet.learn

        def listening_draws(rows):
            found = draws(rows)
            gumbel = found.gumbel
            found.gumbel = lambda count: self.kept(gumbel(count))
            return found

        def listening_learn(mixture, **more):
            self.learned = TOPOLOGY.derive(mixture.weights)
            return learn(mixture, **more)

        searcher.draws, supernet.learn = listening_draws, listening_learn

    def kept(self, noise):
        self.noise.append(torch.as_tensor(noise.reshape(6, 5)))
        return noise

    @property
    def batches(self):
        return self.supernet.drawn


METHODS = {
    "darts-v1": (Published, "DARTS"),
    "darts-v2": (PublishedDartsV2, "DARTS"),
    "gdas": (PublishedGDAS, "GDAS"),
    "setn": (PublishedSETN, "SETN"),
    "enas": (PublishedENAS, "ENAS"),
    "rsps": (PublishedRSPS, "RANDOM"),
    "snas": (PublishedSNAS, "SNAS"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance", "idle"),
    [(torch.float32, 1, 1e-4, IDLE[0]), *((torch.float64, 3, 1e-7, idle) for idle in IDLE)],
    ids=["32", *(f"64-{idle}" for idle in IDLE)],
)
@pytest.mark.parametrize("name", METHODS)
def test_steps_equal_the_published_ones(name, dtype, steps, tolerance, idle):
    """Weights, statistics, logits and losses; several steps, so that momentum counts, where rounding is small."""
    make, opts = METHODS[name]
    recipe = replace(recipe_of(str(folder() / "opts" / f"{opts}.config")), idle=idle)
    searcher, supernet = begun(name, recipe, dtype)
    theirs = make(getattr(searcher.state, "logits", np.zeros((1, 6, 5))), recipe)
    theirs.copy_from(supernet.net.state_dict(), dtype)
    for _ in range(steps):
        drawn = Drawn(searcher, supernet)
        searcher.step(supernet, LIVE)
        losses = theirs.step(drawn)
        assert supernet.metrics["train_loss"][-1] == pytest.approx(losses[0], rel=tolerance)
        if losses[1] is not None:
            assert searcher.state.loss[0] == pytest.approx(losses[1], rel=tolerance)
            np.testing.assert_allclose(searcher.state.logits[0], theirs.alphas.detach(), rtol=tolerance)
        wanted = theirs.net.state_dict()
        for key, value in supernet.net.state_dict().items():
            torch.testing.assert_close(value, wanted[key], rtol=tolerance, atol=tolerance / 10, msg=key)


THEIR_NAMES = {"input": "input_vars", "embedding": "w_embd.weight", "head": "w_pred.weight",
               "head_bias": "w_pred.bias"}  # fmt: skip
for layer in (0, 1):
    for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        THEIR_NAMES[f"{part}_{layer}"] = f"w_lstm.{part}_l{layer}"


def test_the_controller_of_enas_learns_like_xautodls(monkeypatch):
    """Two epochs' updates from what ours sampled and was rewarded with: its parameters (float32)."""
    recipe = recipe_of(str(folder() / "opts" / "ENAS.config"))
    changes = {"updates": 2, "samples": 3, "candidates": 1, "final_candidates": 1, "entropy": 0.1}
    searcher, supernet = begun("enas", recipe, **changes)
    ours, theirs = searcher._controller, published_network("ENAS").create_controller().double()
    by_name = dict(theirs.named_parameters())
    for name, part in zip(
        ours.shapes, np.split(searcher.state.logits[0], np.cumsum(ours.sizes)[:-1]), strict=True
    ):
        by_name[THEIR_NAMES[name]].data = torch.from_numpy(part.copy()).reshape(
            by_name[THEIR_NAMES[name]].shape
        )
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-3, betas=(0.0, 0.999), eps=1e-3)
    update, baseline = searcher.update, None

    def updated(rows, codes, accuracy, before):
        nonlocal baseline
        update(rows, codes, accuracy, before)
        forced = iter(codes.ravel().tolist())
        monkeypatch.setattr(
            torch.distributions.Categorical, "sample", lambda _: torch.tensor([[next(forced)]])
        )
        optimizer.zero_grad()
        for told in accuracy[0].tolist():
            log_p, entropy, _ = theirs()
            reward = told + 0.1 * entropy
            baseline = told if before_epoch is None else before_epoch - 0.01 * (before_epoch - reward)
            (-log_p * (reward - baseline) / 3).backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 5.0)
        optimizer.step()

    monkeypatch.setattr(searcher, "update", updated)
    for _ in range(2):
        before_epoch = float(baseline) if baseline is not None else None
        searcher.end_epoch(supernet, LIVE)
        wanted = np.concatenate([by_name[THEIR_NAMES[name]].detach().ravel() for name in ours.shapes])
        np.testing.assert_allclose(searcher.state.logits[0], wanted, rtol=1e-5, atol=1e-7)


def test_the_clipping_norm_is_of_the_weights_alone():
    """The published one counts the logits' gradient too: its steps over the limit are shorter by less than 1 %."""
    searcher, supernet = begun("darts-v1", Recipe("clipped", lr=0.025, decay=0.0, batch=64, clip=0.5))
    before = [p.detach().clone() for p in supernet.weights]
    supernet.begin_step()
    supernet.learn(searcher.trained(LIVE.rows, 1.0))
    moved = sum(((p - b) ** 2).sum().item() for p, b in zip(supernet.weights, before, strict=True)) ** 0.5
    assert moved == pytest.approx(0.025 * 1.9 * 0.5, rel=1e-5)  # Nesterov's first step is 1.9 gradients


def test_weights_alone_learn_on_single_paths_in_the_first_epochs_of_snas():
    seen = []

    def logits(epochs, **settings):
        supernet = SupernetEvaluator(load("digits"), CellNetwork(channels=2, cells=1), fraction=0.1)
        snas, learn = search.make("snas", settings), supernet.learn
        supernet.learn = lambda mixture, **rest: (seen.append(mixture.weights), learn(mixture, **rest))[1]
        search.run(snas, supernet, search.Budget(epochs=epochs), seed=0)
        return snas.state.logits

    rested = logits(1, pretrain=2)
    assert all((each.sum(axis=-1) == 1).all() and ((each == 0) | (each == 1)).all() for each in seen)
    assert len({each.tobytes() for each in seen}) == len(seen) > 1
    assert (rested == logits(2, pretrain=2)).all()
    assert (rested != logits(3, pretrain=2)).any()
