"""Batch and group normalisation that give padded channels exactly 0 and true channels what they get unpadded."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gendyn.models._initialisers import constant
from gendyn.types import Array, ArrayLike

EPSILON = 1e-5


class BatchNorm(nn.Module):
    """``scale * (x - mean) / sqrt(var + eps) + bias`` per channel, over batch and space.

    Training uses the batch's mean and biased variance and moves the running ones by
    ``new = momentum * old + (1 - momentum) * batch`` (momentum 0.9 is PyTorch's 0.1). The running variance is the
    biased one too, as in flax: PyTorch stores the unbiased, larger by ``n / (n - 1)`` for ``n = B * H * W`` values,
    which is undefined for ``n = 1``. A padded channel is all zeros with scale and bias 0, so it stays 0, and so does
    its running variance, which is padded with 0.

    Reference: Ioffe & Szegedy (2015), arXiv:1502.03167, algorithm 1.
    """

    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        shape = (x.shape[-1],)
        running_mean = self.variable("batch_stats", "mean", constant(0.0), None, shape)
        running_variance = self.variable("batch_stats", "var", constant(1.0), None, shape)
        scale = self.param("scale", constant(1.0), shape)
        bias = self.param("bias", constant(0.0), shape)
        if train:
            axes = tuple(range(x.ndim - 1))
            mean = jnp.mean(x, axes)
            variance = jnp.mean(jnp.square(x - mean), axes)
            if not self.is_initializing():
                running_mean.value = self.momentum * running_mean.value + (1 - self.momentum) * mean
                running_variance.value = self.momentum * running_variance.value + (1 - self.momentum) * variance
        else:
            mean, variance = running_mean.value, running_variance.value
        return (x - mean) * (scale * jax.lax.rsqrt(variance + EPSILON)) + bias


class GroupNorm(nn.Module):
    """``scale * (x - mean_g) / sqrt(var_g + eps) + bias``, moments per example over space and a group of channels.

    Channel ``c`` belongs to group ``floor(c * G / channels)`` with the *true* channel count, so the groups of a padded
    network are those of the unpadded one. Sizes differ by at most 1 where ``G`` does not divide the count; with no more
    channels than groups every channel is its own group (instance normalisation).

    Reference: Wu & He (2018), arXiv:1803.08494, eq. 7.
    """

    num_groups: int
    active_channels: ArrayLike | None = None
    """True channel count, possibly traced; ``None``: all channels of the input are true."""

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        del train
        shape = (x.shape[-1],)
        scale = self.param("scale", constant(1.0), shape)
        bias = self.param("bias", constant(0.0), shape)
        true: Any = x.shape[-1] if self.active_channels is None else self.active_channels

        channel = np.arange(x.shape[-1])
        group = channel * self.num_groups // true
        # member [channels, groups]: a padded channel belongs to none, so its mean and its 1/std are exactly 0.
        member = (group[:, None] == np.arange(self.num_groups)) & (channel < true)[:, None]
        member = member.astype(x.dtype)
        share = member / member.sum(0).clip(1)  # an empty group would divide by 0

        def per_channel(group_values: Array) -> Array:
            # Full precision: these products only copy numbers, and accelerators round float32 operands by default.
            values = jnp.matmul(group_values, member.T, precision=jax.lax.Precision.HIGHEST)
            return values.reshape(x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])

        def moment(values: Array) -> Array:
            over_space = jnp.mean(values, tuple(range(1, x.ndim - 1)))
            return jnp.matmul(over_space, share, precision=jax.lax.Precision.HIGHEST)

        centred = x - per_channel(moment(x))
        inverse_deviation = jax.lax.rsqrt(moment(jnp.square(centred)) + EPSILON)
        return centred * per_channel(inverse_deviation) * scale + bias


def _batch(num_groups: int, active_channels: ArrayLike | None, name: str) -> BatchNorm:
    del num_groups, active_channels
    return BatchNorm(name=name)


def _group(num_groups: int, active_channels: ArrayLike | None, name: str) -> GroupNorm:
    return GroupNorm(num_groups=num_groups, active_channels=active_channels, name=name)


NORMALISATIONS: dict[str, Callable[[int, ArrayLike | None, str], nn.Module]] = {"batch": _batch, "group": _group}
"""Kind -> ``(num_groups, active_channels, name) -> module``, called with ``(x, train=...)``."""
