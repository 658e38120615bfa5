"""One weight step of an SLNAS search of ours beside a plain PyTorch transcription of the original's, in one run.

    python benchmarks/slnas_step.py [--rounds 5] [--threads 2] [--cpu-time]

32 × 32 images, one path through the supernet a step, the same paths in both. The rows: the original's search on CIFAR
(F 48, blocks [4,4], batch 96), and its README's (F 16, [2,2], batch 96). Ours is a step of the supernet evaluator,
drawing and augmenting its batch included; the transcription, written here from the published description
(docs/sources/slnas.md), has a module for every operation, computes the two that a node uses, and takes a batch that
is ready. It leaves gradients of unused weights None, which costs less than the zeros of the PyTorch of its time; ours
decays those weights, as that did. Both run in turns; times are the fastest of the rounds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import steps
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import SLNASNetwork
from nasreplay.seeds import Stream
from nasreplay.spaces.slnas import LENGTH, NODES, SLNAS
from nasreplay.train.recipe import recipe_of

ROWS = {"F 48, [4,4], batch 96": (48, "[4,4]", 96), "F 16, [2,2], batch 96": (16, "[2,2]", 96)}
TARGET, TURNS = 1.0, 3
PATHS = np.stack([SLNAS.sample(Stream(0, "paths", range(1)).at()) for _ in range(TURNS)])[:, 0]


def main() -> None:
    given = steps.arguments("One weight step of an SLNAS search beside a transcription of the original's.")
    print(f"{given.threads} threads, torch {torch.__version__}")
    print(f"{'step':28} {'nasreplay':>11} {'plain':>11} {'ratio':>7}  target")
    for name, (channels, blocks, batch) in ROWS.items():
        turns = {"ours": ours(channels, blocks, batch), "theirs": theirs(channels, blocks, batch)}
        best = steps.fastest(turns, given.rounds, TURNS, given.cpu_time)
        steps.row(name, best["ours"], best["theirs"], TARGET)


def ours(channels: int, blocks: str, batch: int) -> steps.Step:
    """A weight step of the evaluator on random images."""
    network = SLNASNetwork(channels=channels, blocks=blocks)
    evaluator = SupernetEvaluator(
        steps.noise(batch), network, recipe=replace(recipe_of("SLNAS-SEARCH"), batch=batch)
    )
    evaluator.begin(0, range(1), Budget())
    evaluator.at_epoch(75, 150)

    def step(turn: int) -> None:
        weights = SLNAS.embed(PATHS[turn : turn + 1])
        evaluator.begin_step()
        evaluator.learn(Mixture(weights, weights > 0))

    return step


def theirs(channels: int, blocks: str, batch: int) -> steps.Step:
    """The original's step."""
    net = Net(channels, [int(each) for each in blocks[1:-1].split(",")])
    descend = torch.optim.SGD(net.parameters(), lr=0.0125, momentum=0.9, weight_decay=3e-4)
    images, labels = steps.batches(batch)[0]

    def step(turn: int) -> None:
        descend.zero_grad()
        logits, auxiliary = net(images, PATHS[turn].tolist(), 0.175)
        loss = F.cross_entropy(logits, labels)
        for place, each in enumerate(auxiliary):
            share = (place + 1) / sum(range(1, len(auxiliary) + 1))
            loss = loss + 0.4 * share * F.cross_entropy(each, labels)
        loss.backward()
        descend.step()

    return step


# --- the transcription -----------------------------------------------------------------------------


def norm(channels: int, track: bool = False) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, track_running_stats=track)


def pointwise(before: int, after: int, track: bool = False, mish: bool = True) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 1, bias=False), norm(after, track), *([nn.Mish()] if mish else [])]


class Blur(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("kernel", ((row[:, None] * row) / 16).repeat(channels, 1, 1, 1))
        self.pad = nn.ReflectionPad2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(self.pad(x), self.kernel, stride=2, groups=x.shape[1])  # pyright: ignore


def depthwise(channels: int, kernel: int, down: bool) -> list[nn.Module]:
    layer = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
    return [layer, *([Blur(channels)] if down else []), norm(channels, True)]


class Shuffle(nn.Module):
    def __init__(self, channels: int, kernel: int, down: bool):
        super().__init__()
        half = channels if down else channels // 2
        last = pointwise(half, half, True)
        self.first = (
            nn.Sequential(*depthwise(half, kernel, True), *pointwise(half, half, True)) if down else None
        )
        self.second = nn.Sequential(*pointwise(half, half, True), *depthwise(half, kernel, down), *last)

    def forward(self, x: Tensor) -> Tensor:
        if self.first is None:
            one, two = x.chunk(2, dim=1)
            x = torch.cat((one, self.second(two)), dim=1)
        else:
            x = torch.cat((self.first(x), self.second(x)), dim=1)
        count, channels, height, width = x.shape
        return x.view(count, 2, channels // 2, height, width).transpose(1, 2).reshape(x.shape)


def operations(channels: int, down: bool) -> nn.ModuleList:
    after, stride = (2 * channels, 2) if down else (channels, 1)

    def pooled(pool: nn.Module | None) -> nn.Module:
        first, last = pointwise(channels, after, mish=False)
        return nn.Sequential(first, *([pool] if pool else []), last)

    shuffles = [Shuffle(channels, kernel, down) for kernel in (3, 5)]
    pools = [pooled(nn.AvgPool2d(3, stride, 1)), pooled(nn.MaxPool2d(3, stride, 1)), pooled(None)]
    return nn.ModuleList([*shuffles, *pools])


def sized(x: Tensor, side: int) -> Tensor:
    return x if x.shape[-1] == side else F.interpolate(x, (side, side), mode="bilinear", align_corners=False)


def dropped(x: Tensor, rate: float) -> Tensor:
    mask = torch.empty(len(x), 1, 1, 1).bernoulli_(1 - rate)
    return x / (1 - rate) * mask


class Block(nn.Module):
    def __init__(self, channels: int, down: bool):
        super().__init__()
        joined, after = NODES * channels, 2 * channels if down else channels
        self.down, self.channels = down, channels
        self.branches = nn.ModuleList(operations(channels, down) for _ in range(2 * NODES))
        self.calibrate = nn.Conv2d(2 * channels, channels, 1, bias=False) if down else None
        self.norm, self.last = norm(joined), nn.Conv2d(joined, after, 1, bias=False)
        squeezed = joined // 16
        self.excite = nn.Sequential(
            nn.Linear(joined, squeezed, bias=False),
            nn.ReLU(),
            nn.Linear(squeezed, joined, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, older: Tensor, newer: Tensor, cell: list[int], rate: float) -> Tensor:
        side = newer.shape[-1]
        states = [sized(older, side), newer]
        for node in range(NODES):
            x, y = (self._branch(2 * node + place, cell, states) for place in range(2))
            largest = max(x.shape[-1], y.shape[-1])
            out = dropped(sized(x, largest), rate) + dropped(sized(y, largest), rate)
            states.append(self.calibrate(sized(out, side // 2)) if self.calibrate else out)
        x = F.mish(self.norm(torch.cat(states[2:], dim=1)))
        return self.last(x * self.excite(x.mean(dim=(2, 3)))[:, :, None, None])

    def _branch(self, branch: int, cell: list[int], states: list[Tensor]) -> Tensor:
        state, chosen = cell[2 * branch], cell[2 * branch + 1]
        return self.branches[branch][chosen](states[state])  # pyright: ignore[reportIndexIssue]


def stem(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (3, channels):
        layer = nn.Conv2d(before, channels, 3, 2, 1, bias=False, padding_mode="reflect")
        layers += [layer, norm(channels), nn.Mish()]
    return nn.Sequential(*layers)


class Net(nn.Module):
    def __init__(self, channels: int, stages: list[int]):
        super().__init__()
        self.stems = nn.ModuleList(stem(channels) for _ in range(2))
        self.blocks, self.projections, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for stage, normal in enumerate(stages):
            self.blocks.extend(Block(channels, place == normal) for place in range(normal + 1))
            self.projections.append(nn.Conv2d(channels, 2 * channels, 1, bias=False))
            channels *= 2
            if stage + 1 < len(stages):
                self.heads.append(nn.Linear(channels, steps.CLASSES, bias=False))
        self.fc = nn.Linear(channels, steps.CLASSES, bias=False)

    def forward(self, images: Tensor, codes: list[int], rate: float) -> tuple[Tensor, list[Tensor]]:
        cells = codes[:LENGTH], codes[LENGTH:]
        older, newer = (each(images) for each in self.stems)
        auxiliary, stage = [], 0
        for block in self.blocks:
            down = bool(block.down)
            older, newer = newer, block(older, newer, cells[down], rate)
            if down:
                older = self.projections[stage](older)
                if stage < len(self.heads):
                    auxiliary.append(self.heads[stage](newer.mean(dim=(2, 3))))
                stage += 1
        return self.fc(newer.mean(dim=(2, 3))), auxiliary


if __name__ == "__main__":
    main()
