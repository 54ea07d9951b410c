"""Grokking without features: gradient descent on a linear student against the exact integrals of its learning curves.

Claim: A linear student learns its training set long before new inputs, and both curves are averages over the
Marchenko-Pastur law of ``ratio = dimension / examples``. The delay between 95 % training and 95 % test accuracy is the
one of the exact integrals: within 10 % at ratio 0.5, within 15 % at every ratio from 0.1 to 0.9. Above 1 the test loss
stops at ``1 - 1 / ratio`` and the student never generalises. The small-tolerance formula that is usually quoted
overstates the delay.

Refuted if: the median delay over seeds is off by more than these; the share of its initial test loss that a run above
ratio 1 ends with is on average more than 10 % from the floor; half of the runs there reach 95 %; the delay at ratio 0.5
is not below 0.9 of the small-tolerance formula. A run that diverges has an infinite delay and final loss.

Setting: ``x ~ N(0, I)`` in ``d`` dimensions, ``y = w* . x``, ``w*`` and the student's start ``N(0, I / 2 d)``, loss
``|X (w - w*)|^2 / n`` without a half, full batch. An output is right if its squared error is below ``tolerance``. Every
step is taken: ``w <- w - 2 learning_rate S (w - w*)`` with the ``[d, d]`` second moments ``S = X^T X / n`` computed
once, the same iteration as through ``X`` at a cost that does not grow with ``n``. Training and test accuracy are those
on the ``n`` training inputs and on fresh ones. A run is trained until the closed form has generalised, and
``extra_steps`` of that longer; above ratio 1 until it has fitted and its test loss is within ``floor_tolerance`` of the
floor. Runs of different ratios differ a hundredfold in length, so each ratio is a program over its seeds.

Reference: Levi, Beck & Bar-Sinai (2023), Grokking in linear estimators, arXiv:2310.16441, section 3, figures 1 and 2.
"""

from gendyn.experiments.grokking.grokking_linear.claims import verdict as verdict
from gendyn.experiments.grokking.grokking_linear.drawing import figure as figure
from gendyn.experiments.grokking.grokking_linear.program import LEAVES as LEAVES
from gendyn.experiments.grokking.grokking_linear.program import check as check
from gendyn.experiments.grokking.grokking_linear.program import program as program
