"""The 5-layer convolutional network of the deep-double-descent paper, of width k."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_choice, check_positive_int, is_concrete
from gendyn.models._checks import check_image, check_scales, check_widths
from gendyn.models._convolution import CONVOLUTIONS, Convolution
from gendyn.models._dense import Dense
from gendyn.models._normalisation import NORMALISATIONS
from gendyn.types import Array, ArrayLike, ModelExample

STAGES = 4
SMALLEST_IMAGE = 4


def maximum(x: Array, axis: int) -> Array:
    """``jnp.max`` over one axis by comparing halves, with a gradient that survives any compilation.

    The gradient of ``jnp.max`` goes to the entries *equal* to the result. XLA may compute those entries twice, rounded
    differently, and then none is equal: seen on a CPU without LLVM optimisation, where the gradients of this network
    came out wrong by their own size. A ``where`` passes the gradient on whatever the rounding (and ``reduce_window``,
    the third way, has a scatter for a gradient). At ties the later entry has it all; after a relu ties are at 0.
    """
    while (size := x.shape[axis]) > 1:
        first, second, rest = jnp.split(x, (size // 2, size // 2 * 2), axis)
        larger = jnp.where(first > second, first, second)
        x = jnp.concatenate([larger, rest], axis) if size % 2 else larger
    return jnp.squeeze(x, axis)


def max_pool(x: Array) -> Array:
    """Maximum over 2x2 windows, an odd last row or column dropped: ``[B, H, W, C] -> [B, H//2, W//2, C]``."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return maximum(maximum(x.reshape(batch, height // 2, 2, width // 2, 2, channels), 4), 2)


class CNN(nn.Module):
    """See :func:`cnn`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    normalisation: str
    num_groups: int
    conv_bias: bool
    convolution: str
    init_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: what a normalisation subtracts again.

        These are the biases before a BatchNorm, and before a GroupNorm with one channel a group.
        """
        if not self.conv_bias:
            return ()
        width = self.width
        if self.active_width is not None and is_concrete(self.active_width):
            width = int(np.asarray(self.active_width))
        removed = (self.normalisation == "batch" or width * 2**stage <= self.num_groups for stage in range(STAGES))
        return tuple(f"conv_{stage}/bias" for stage, vanishes in enumerate(removed) if vanishes)

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Logits ``[B, num_outputs]`` of images ``x [B, H, W, channels]``."""
        for stage in range(STAGES):
            factor = 2**stage
            x = Convolution(
                features=self.width * factor,
                use_bias=self.conv_bias,
                init_scale=self.init_scale,
                implementation=self.convolution,
                name=f"conv_{stage}",
            )(x)
            true_channels = None if self.active_width is None else self.active_width * factor
            normalise = NORMALISATIONS[self.normalisation](self.num_groups, true_channels, f"norm_{stage}")
            x = jax.nn.relu(normalise(x, train=train))
            if stage in (1, 2):
                x = max_pool(x)
        features = maximum(x.reshape(x.shape[0], -1, x.shape[-1]), 1)
        self.sow("intermediates", "features", features)
        true_width: ArrayLike = self.width if self.active_width is None else self.active_width
        std = self.init_scale * (2.0 / (true_width * 2 ** (STAGES - 1))) ** 0.5
        return Dense(self.num_outputs, std, name="readout")(features, train=train) * self.output_scale


def cnn(
    *,
    num_outputs: int,
    input_shape: tuple[int, ...],
    width: int = 64,
    normalisation: str = "batch",
    num_groups: int = 8,
    conv_bias: bool = True,
    convolution: str = "auto",
    init_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
) -> CNN:
    """Four 3x3 convolutions of widths ``[k, 2k, 4k, 8k]``, each with normalisation, relu and max-pooling; a readout.

    Pools are 1, 2, 2 and global (8 for the paper's 32x32 images), so any image of at least 4x4 fits. At ``k = 64`` on
    32x32x3 with 10 classes it has 1,558,026 parameters, or 1,557,066 without the convolution biases, which a
    BatchNorm makes redundant.

    Args:
      num_outputs: ``C``.
      input_shape: ``(height, width, channels)`` of one image.
      width: ``k``, as stored: with ``active_width``, the bucket's width.
      normalisation: ``"batch"`` (running moments in the collection ``batch_stats``) or ``"group"``.
      num_groups: groups of a GroupNorm; unused otherwise.
      conv_bias: biases in the convolutions, as in the paper's count.
      convolution: ``"native"``, ``"patches"`` or ``"auto"`` (patches on a CPU, native elsewhere): same numbers.
      init_scale: multiplies every initial weight, drawn from N(0, 2 / fan_in). May be traced.
      output_scale: multiplies the logits. May be traced.
      active_width: the run's own ``k`` when its parameters are zero-padded to ``width``; may be traced.

    Returns:
      A flax module; ``x [B, height, width, channels]``.

    Raises:
      ConfigError: a bad shape, width or scale, or an unknown normalisation or convolution.

    >>> import math
    >>> module = cnn(num_outputs=10, input_shape=(32, 32, 3))
    >>> shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.ones((1, 32, 32, 3)))
    >>> sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"]))
    1558026

    Reference: Nakkiran et al. (2019), Deep Double Descent, arXiv:1912.02292, appendix B.1.
    """
    check_widths(num_outputs, width, active_width)
    check_image("cnn", input_shape, SMALLEST_IMAGE)
    check_choice("normalisation", normalisation, NORMALISATIONS)
    check_positive_int("num_groups", num_groups)
    check_choice("convolution", convolution, CONVOLUTIONS)
    check_scales(init_scale=init_scale, output_scale=output_scale)
    return CNN(
        num_outputs=num_outputs,
        width=width,
        normalisation=normalisation,
        num_groups=num_groups,
        conv_bias=conv_bias,
        convolution=convolution,
        init_scale=init_scale,
        output_scale=output_scale,
        active_width=active_width,
    )


def example() -> ModelExample:
    """A small case for contract tests."""
    return ModelExample(kwargs={}, input_shape=(8, 8, 3))
