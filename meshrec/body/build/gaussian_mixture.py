"""Expectation maximisation for mixtures of Gaussians with covariances that stay well conditioned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

_TOLERANCE = 1e-4  # nats a sample; below it another step changes nothing that matters


@dataclass(frozen=True)
class GaussianMixture:
    """Attributes: weights (K,), means (K, D), covariances (K, D, D)."""

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def log_parts(self, samples: Tensor) -> Tensor:
        """Logarithm of each component's share of the density, (N, D) -> (N, K)."""
        whitening = self.whitening()
        constant = self.weights.log() + whitening.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        constant = constant - 0.5 * samples.shape[1] * math.log(2 * math.pi)
        parts = [
            ((samples - mean) @ factor.T).square().sum(1) for factor, mean in zip(whitening, self.means, strict=True)
        ]
        return constant - 0.5 * torch.stack(parts, 1)

    def whitening(self) -> Tensor:
        """(K, D, D) inverse Cholesky factors of the covariances, lower triangular."""
        factor = torch.linalg.cholesky(self.covariances.double())
        identity = torch.eye(factor.shape[-1], dtype=factor.dtype).expand_as(factor)
        return torch.linalg.solve_triangular(factor, identity, upper=False).to(self.covariances)

    def log_density(self, samples: Tensor) -> Tensor:
        """(N, D) -> (N,)."""
        return self.log_parts(samples).logsumexp(1)


def fit_mixture(
    samples: Tensor,
    components: int,
    floor: Tensor,
    *,
    shrinkage: float = 0.0,
    structure: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    steps: int = 60,
) -> GaussianMixture:
    """Fit a mixture to samples that may come in several equally good images, such as a pose and its mirror image.

    Every sample is explained by one of its images: the density that is fitted is the mean over the images of the
    mixture's density. To describe samples as they come, mirror the mixture as well (`with_mirror_images`).

    Args:
        samples: (I, N, D) the I images of each sample.
        components: K.
        floor: (D,) deviations that are added (as variances) to every component: nothing is known more exactly.
        shrinkage: samples' worth of the pooled covariance that every component receives.
        structure: what to keep of each covariance (D, D) before the floor is added; all of it if not given.
        seed: of the k-means++ start.
        steps: of expectation maximisation at most.
    """
    generator = torch.Generator().manual_seed(seed)
    least = torch.diag(floor.square())
    rows = samples.flatten(0, 1)
    pooled = torch.cov(rows.T, correction=0)
    share = _start(samples, components, generator)
    before = -math.inf
    for _ in range(steps):
        mixture = _maximise(rows, share.flatten(0, 1), shrinkage * pooled, shrinkage)
        kept = mixture.covariances if structure is None else torch.stack([structure(c) for c in mixture.covariances])
        mixture = replace(mixture, covariances=kept + least)
        parts = mixture.log_parts(rows).unflatten(0, samples.shape[:2])
        total = parts.logsumexp((0, 2), keepdim=True)
        share, score = (parts - total).exp(), float(total.mean())
        if score - before < _TOLERANCE:
            break
        before = score
    return mixture


def with_mirror_images(mixture: GaussianMixture, mirror: Tensor) -> GaussianMixture:
    """The mixture and its image under a linear map (D, D), half the weight each."""
    return GaussianMixture(
        mixture.weights.repeat(2) / 2,
        torch.cat([mixture.means, mixture.means @ mirror.T]),
        torch.cat([mixture.covariances, mirror @ mixture.covariances @ mirror.T]),
    )


def _maximise(rows: Tensor, share: Tensor, more_scatter: Tensor, more_samples: float) -> GaussianMixture:
    count = share.sum(0)
    means = (share.T @ rows) / count[:, None].clamp_min(1e-9)
    covariances = []
    for k in range(share.shape[1]):
        apart = rows - means[k]
        scatter = (apart * share[:, k, None]).T @ apart
        covariances.append((scatter + more_scatter) / (count[k] + more_samples).clamp_min(1e-9))
    return GaussianMixture((count / count.sum()).clamp_min(1e-12), means, torch.stack(covariances))


def _start(samples: Tensor, components: int, generator: torch.Generator) -> Tensor:
    """(I, N, K) shares, 1 for the nearest of K centres by k-means++ (Arthur and Vassilvitskii 2007) and k-means.

    Of each sample that image takes part which is nearest to a centre.
    """
    first = int(torch.randint(samples.shape[1], (1,), generator=generator))
    centre = samples[0, first][None]
    for _ in range(components - 1):
        nearest = _distances(samples, centre).amin((0, 2)).square()
        centre = torch.cat([centre, samples[0, int(torch.multinomial(nearest, 1, generator=generator))][None]])
    for _ in range(10):
        share = _nearest(samples, centre)
        count = share.sum((0, 1))
        moved = torch.einsum("snk,snd->kd", share, samples) / count[:, None].clamp_min(1)
        centre = torch.where(count[:, None] > 0, moved, centre)
    return _nearest(samples, centre)


def _distances(samples: Tensor, centre: Tensor) -> Tensor:
    return torch.cdist(samples, centre.expand(len(samples), -1, -1))


def _nearest(samples: Tensor, centre: Tensor) -> Tensor:
    images, components = len(samples), len(centre)
    distance = _distances(samples, centre).transpose(0, 1).flatten(1)
    chosen = torch.nn.functional.one_hot(distance.argmin(1), images * components)
    return chosen.unflatten(1, (images, components)).transpose(0, 1).to(samples)
