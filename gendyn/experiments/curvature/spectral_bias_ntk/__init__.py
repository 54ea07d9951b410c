"""Spectral bias: does a wide network learn each frequency at the rate its tangent kernel says?

Claim: Full-batch gradient descent on a wide two-layer ReLU network on the circle multiplies the residual at frequency
``k`` by ``1 - learning_rate * a_k`` a step, with the Fourier coefficients ``a_k`` of the infinite-width tangent kernel
in closed form. With bias the rates of odd frequencies fall as ``k^-2``. Without bias odd frequencies from 3 on are
never learned.

Refuted if: at some frequency the mean rate over seeds is more than 10 % off; the slope of log rate against log
frequency over odd ``k >= 3`` is not between -2.2 and -1.8; without bias the residual at an odd ``k >= 3`` changes by
more than 1 %. The network with bias is the control of the last: there the same frequencies must fall by more than half.
A run that diverges counts as one with an infinite rate and an infinite residual.

Setting: ``f(x) = m^(-1/2) sum_r a_r relu(w_r . x)`` or ``relu((w_r . x + b_r) / sqrt(2))``; ``w`` standard normal,
``b = 0``, ``a = +-1`` fixed; every unit has a mirror image of the other sign, so that the network starts at 0. Loss:
squared error, halved, mean over equally spaced points. Targets have one small amplitude and a random phase at every
frequency: small targets keep the weights near their start, the lazy regime (``weight_movement`` says how near). On the
grid of ``N`` points frequencies ``k + j N`` are one, so the prediction for ``k`` is the sum of their coefficients. It
has its own program: no sweep fixes the readout, mirrors the start or records a complex residual at each frequency.

Reference: Basri, Jacobs, Kasten & Kritchman (2019), The convergence rate of neural networks for learned functions of
different frequencies, arXiv:1906.00425, section 3 and figure 1.
"""

from gendyn.experiments.curvature.spectral_bias_ntk.claims import verdict as verdict
from gendyn.experiments.curvature.spectral_bias_ntk.drawing import figure as figure
from gendyn.experiments.curvature.spectral_bias_ntk.program import LEAVES as LEAVES
from gendyn.experiments.curvature.spectral_bias_ntk.program import check as check
from gendyn.experiments.curvature.spectral_bias_ntk.program import program as program
