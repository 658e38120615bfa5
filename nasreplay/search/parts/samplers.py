"""From logits to mixtures and back: DARTS, GDAS, SNAS and TAS differ only here.

A sampler draws a `Sample`; its `vjp` carries an evaluator's slope back to the logits. All of them are softmaxes
of (logits + noise)/temperature, so the chain rule has one closed form and no autograd graph is needed.
Shapes: logits [n, E, O], padding masked by −inf.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from nasreplay.evaluate.protocol import Mixture, Slope
from nasreplay.search.parts import densities
from nasreplay.search.parts.densities import Density
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space
from nasreplay.spaces.genotypes.derivation import row_sums, softmax


class Sample(NamedTuple):
    """What a sampler drew from logits."""

    mixture: Mixture
    """Rows of probabilities, or one-hot."""
    vjp: Callable[[Slope], np.ndarray]
    """The vector–Jacobian product of the sampler: a slope at the mixture → the gradient of the logits [n, E, O]."""
    density: Callable[[bool], Density] | None = None
    """The log density of the mixture's rows, as derived (False) or as SNAS released it (True); None: not random."""
    pathwise: bool = True
    """Whether `vjp` is a derivative of the mixture, and not a score times the loss."""


def several(samples: list[Sample]) -> Sample:
    """Samples for the same n replicas as one of [S·n] rows, whose gradient is their mean."""
    mixture = Mixture(
        *(np.concatenate(parts) for parts in zip(*(one.mixture for one in samples), strict=True))
    )

    def vjp(slope: Slope) -> np.ndarray:
        split = [np.split(part, len(samples)) for part in (slope.loss, slope.gradient)]
        pairs = zip(samples, *split, strict=True)
        gradients = [one.vjp(slope._replace(loss=loss, gradient=slopes)) for one, loss, slopes in pairs]
        return np.mean(gradients, axis=0)

    def density(released: bool) -> Density:
        every = [one.density(released) for one in samples if one.density]
        return Density(*(np.concatenate(parts) for parts in zip(*every, strict=True)))

    known = density if all(one.density for one in samples) else None
    return Sample(mixture, vjp, known, samples[0].pathwise)


def vertex(space: Space, codes: np.ndarray) -> Mixture:
    """The one-hot mixtures of codes [n, D]: those architectures and nothing else."""
    weights = space.embed(codes)
    return Mixture(weights, weights > 0)


def initial_logits(space: Space, draws: Draws, mean: float, std: float) -> np.ndarray:
    """Normal logits [R, E, O]; −inf where an edge has no such operation."""
    noise = draws.normal(space.mask.size).reshape(len(draws), *space.mask.shape)
    return np.where(space.mask, mean + std * noise, -np.inf)


def softmax_vjp(soft: np.ndarray, temperature: float | np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Vector–Jacobian product of softmax(x/temperature): soft · (g − ⟨soft, g⟩)/temperature."""
    return soft * (gradient - row_sums(soft * gradient)) / temperature


def relaxed(logits: np.ndarray, draws: Draws, temperature: float) -> Sample:
    """DARTS: the softmax itself; no noise."""
    return _soft(softmax(logits / temperature), logits, temperature)


def concrete(logits: np.ndarray, draws: Draws, temperature: float | np.ndarray) -> Sample:
    """SNAS: a concrete (Gumbel-softmax) sample, used as it is (Maddison et al. 2017; Jang et al. 2017).

    temperature: one, or [n, 1, 1], one for each replica.
    """
    shaped = (logits + gumbel_like(logits, draws)) / temperature
    soft = softmax(shaped)
    density = partial(_concrete_density, logits, shaped, soft, temperature)
    return _soft(soft, logits, temperature)._replace(density=density)


def straight_through(logits: np.ndarray, draws: Draws, temperature: float, inactive: bool = True) -> Sample:
    """GDAS: one-hot forward, the gradient of the concrete sample backward (Dong & Yang, CVPR 2019, eq. 4-5).

    inactive: whether the slope counts of what was not drawn, too; gdas_v1 knows that of the drawn operations only.
    """
    soft = softmax((logits + gumbel_like(logits, draws)) / temperature)
    hard = _one_hot(soft.argmax(axis=-1), soft.shape[-1])
    mixture = Mixture(hard.astype(np.float64), hard)
    known = True if inactive else hard
    return Sample(
        mixture,
        lambda slope: softmax_vjp(soft, temperature, slope.gradient * known),
        lambda released: densities.categorical(logits, hard),
    )


def hard(logits: np.ndarray, draws: Draws, temperature: float) -> Sample:
    """One drawn architecture, loss × score function (DSNAS on a multilinear table: `edge_rewards`)."""
    soft = softmax(logits)
    chosen = _one_hot(draws.categorical(soft), soft.shape[-1])
    mixture = Mixture(chosen.astype(np.float64), chosen)
    return Sample(
        mixture,
        lambda slope: slope.loss[:, None, None] * (chosen - soft),
        lambda released: densities.categorical(logits, chosen),
        pathwise=False,
    )


def concrete_score(logits: np.ndarray, draws: Draws, temperature: float) -> Sample:
    """A concrete sample with the score of its density: loss × (1 − n a_k z_k^−T / Σ_j a_j z_j^−T)."""
    sample = concrete(logits, draws, temperature)
    assert sample.density
    score = sample.density(False).gradient
    return sample._replace(vjp=lambda slope: slope.loss[:, None, None] * score, pathwise=False)


def _concrete_density(
    logits: np.ndarray, shaped: np.ndarray, soft: np.ndarray, temperature: float | np.ndarray, released: bool
) -> Density:
    if released:
        return densities.released(logits, soft, temperature)
    return densities.concrete(logits, shaped, temperature)


def two_of(logits: np.ndarray, draws: Draws, temperature: float) -> Sample:
    """TAS: two options a row, drawn without replacement and mixed by the softmax of their noisy logits.

    With l = (logits + Gumbel)/temperature they are drawn in proportion to softmax(l) + 1e-7 (Dong & Yang, TAS,
    NeurIPS 2019, section 3.1). That the published l starts from log-softmax(logits) changes nothing.
    """
    shaped = (logits + gumbel_like(logits, draws)) / temperature
    p = np.where(np.isfinite(logits), softmax(shaped) + 1e-7, 0.0)
    first = _one_hot(draws.categorical(p), p.shape[-1])
    second = _one_hot(draws.categorical(np.where(first, 0.0, p)), p.shape[-1])
    chosen = first | second
    mixed = softmax(np.where(chosen, shaped, -np.inf))
    return Sample(Mixture(mixed, chosen), lambda slope: softmax_vjp(mixed, temperature, slope.gradient))


def gumbel_like(logits: np.ndarray, draws: Draws) -> np.ndarray:
    """Standard Gumbel noise of the logits' shape."""
    return draws.gumbel(int(np.prod(logits.shape[1:]))).reshape(logits.shape)


def _soft(soft: np.ndarray, logits: np.ndarray, temperature: float | np.ndarray) -> Sample:
    mixture = Mixture(soft, np.isfinite(logits))
    return Sample(mixture, lambda slope: softmax_vjp(soft, temperature, slope.gradient))


def _one_hot(codes: np.ndarray, options: int) -> np.ndarray:
    return codes[..., None] == np.arange(options)
