"""The pre-activation ResNet-18 of the deep-double-descent paper, of width k."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_choice, check_positive_int
from gendyn.models._checks import check_image, check_scales, check_widths
from gendyn.models._convolution import CONVOLUTIONS, Convolution
from gendyn.models._dense import Dense
from gendyn.models._normalisation import NORMALISATIONS
from gendyn.types import Array, ArrayLike, ModelExample


class PreActivationBlock(nn.Module):
    """``a = relu(norm(x))``, ``y = conv(relu(norm(conv(a)))) + shortcut``.

    The shortcut is ``x``, or, where the shape changes, a 1x1 convolution of the pre-activated ``a``.
    """

    features: int
    stride: int
    normalisation: str
    num_groups: int
    convolution: str
    init_scale: ArrayLike
    active_in: ArrayLike | None
    """True channel count of the input; ``None``: all."""
    active_out: ArrayLike | None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        def convolution(size: int, stride: int, name: str) -> Convolution:
            return Convolution(self.features, size, stride, False, self.init_scale, self.convolution, name=name)

        normalisation = NORMALISATIONS[self.normalisation]
        a = jax.nn.relu(normalisation(self.num_groups, self.active_in, "norm_0")(x, train=train))
        if self.stride != 1 or x.shape[-1] != self.features:
            x = convolution(1, self.stride, "shortcut")(a)
        y = convolution(3, self.stride, "conv_0")(a)
        y = jax.nn.relu(normalisation(self.num_groups, self.active_out, "norm_1")(y, train=train))
        return x + convolution(3, 1, "conv_1")(y)


class ResNet18(nn.Module):
    """See :func:`resnet18`, which checks the arguments and builds this module."""

    num_outputs: int
    width: int
    blocks: tuple[int, ...]
    normalisation: str
    num_groups: int
    convolution: str
    init_scale: ArrayLike = 1.0
    output_scale: ArrayLike = 1.0
    active_width: ArrayLike | None = None

    @property
    def vanishing_gradient(self) -> tuple[str, ...]:
        """Paths of the parameters whose gradient is identically 0: none, as no convolution has a bias."""
        return ()

    @nn.nowrap
    def _active(self, factor: int) -> ArrayLike | None:
        return None if self.active_width is None else self.active_width * factor

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """Logits ``[B, num_outputs]`` of images ``x [B, H, W, channels]``."""
        x = Convolution(
            self.width, use_bias=False, init_scale=self.init_scale, implementation=self.convolution, name="stem"
        )(x)
        factor_in = 1
        for stage, count in enumerate(self.blocks):
            factor = 2**stage
            for block in range(count):
                x = PreActivationBlock(
                    features=self.width * factor,
                    stride=2 if stage and block == 0 else 1,
                    normalisation=self.normalisation,
                    num_groups=self.num_groups,
                    convolution=self.convolution,
                    init_scale=self.init_scale,
                    active_in=self._active(factor_in),
                    active_out=self._active(factor),
                    name=f"stage_{stage}_block_{block}",
                )(x, train=train)
                factor_in = factor
        features = jnp.mean(x, axis=(1, 2))
        self.sow("intermediates", "features", features)
        true_width: ArrayLike = self.width if self.active_width is None else self.active_width
        # No activation precedes the readout, hence variance 1 / fan_in.
        std = self.init_scale * (1.0 / (true_width * factor_in)) ** 0.5
        return Dense(self.num_outputs, std, name="readout")(features, train=train) * self.output_scale


def resnet18(
    *,
    num_outputs: int,
    input_shape: tuple[int, ...],
    width: int = 64,
    blocks: tuple[int, ...] = (2, 2, 2, 2),
    normalisation: str = "batch",
    num_groups: int = 8,
    convolution: str = "auto",
    init_scale: ArrayLike = 1.0,
    output_scale: ArrayLike = 1.0,
    active_width: ArrayLike | None = None,
) -> ResNet18:
    """Pre-activation ResNet-18: a 3x3 stem, four stages of two blocks with ``[k, 2k, 4k, 8k]`` channels, a readout.

    The first block of every stage but the first has stride 2; no convolution has a bias; there is no normalisation
    between the last block and the global average pool, as in the widely used code that the paper built on. At
    ``k = 64`` on 32x32x3 with 10 classes it has 11,171,146 parameters.

    Args:
      num_outputs: ``C``.
      input_shape: ``(height, width, channels)`` of one image.
      width: ``k``, as stored: with ``active_width``, the bucket's width.
      blocks: blocks of each stage, whose channels double from one to the next; ``(3, 4, 6, 3)`` is a ResNet-34.
      normalisation: ``"batch"`` (running moments in the collection ``batch_stats``) or ``"group"``.
      num_groups: groups of a GroupNorm; unused otherwise.
      convolution: ``"native"``, ``"patches"`` or ``"auto"`` (patches on a CPU, native elsewhere): same numbers.
      init_scale: multiplies every initial weight: N(0, 2 / fan_in), the readout N(0, 1 / fan_in). May be traced.
      output_scale: multiplies the logits. May be traced.
      active_width: the run's own ``k`` when its parameters are zero-padded to ``width``; may be traced.

    Returns:
      A flax module; ``x [B, height, width, channels]``.

    Raises:
      ConfigError: a bad shape, width or scale, or an unknown normalisation or convolution.

    >>> import math
    >>> module = resnet18(num_outputs=10, input_shape=(32, 32, 3))
    >>> shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.ones((1, 32, 32, 3)))
    >>> sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"]))
    11171146

    References: He et al. (2016), Identity Mappings, arXiv:1603.05027, figure 4e; Nakkiran et al. (2019),
    arXiv:1912.02292, appendix B.1.
    """
    check_widths(num_outputs, width, active_width)
    check_image("resnet18", input_shape, 1)
    if not blocks:
        raise ConfigError("blocks = () must name at least one stage, such as (2, 2, 2, 2).")
    for count in blocks:
        check_positive_int("each of blocks", count)
    check_choice("normalisation", normalisation, NORMALISATIONS)
    check_positive_int("num_groups", num_groups)
    check_choice("convolution", convolution, CONVOLUTIONS)
    check_scales(init_scale=init_scale, output_scale=output_scale)
    return ResNet18(
        num_outputs=num_outputs,
        width=width,
        blocks=tuple(blocks),
        normalisation=normalisation,
        num_groups=num_groups,
        convolution=convolution,
        init_scale=init_scale,
        output_scale=output_scale,
        active_width=active_width,
    )


def example() -> ModelExample:
    """A small case for contract tests: two stages hold every kind of block, and compile in a fraction of the time."""
    return ModelExample(kwargs={"blocks": (1, 1)}, input_shape=(8, 8, 3))
