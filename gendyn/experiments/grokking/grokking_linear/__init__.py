"""Grokking without features: gradient descent on a linear student against the exact integrals of its learning curves.

Claim: A linear student learns its training set long before new inputs, the later the nearer ``ratio = dimension /
examples`` is to 1; above 1 it never learns new inputs, since the test loss stops at ``1 - 1 / ratio``. Both curves are
averages over the Marchenko-Pastur law: the delay between 95 % training and 95 % test accuracy is the one of the exact
integrals, within 10 % at ratio 0.5, within 15 % at every ratio below 1. The small-tolerance formula that is usually
quoted overstates the delay.

Refuted if: the delay does not grow with the ratio (rank correlation over ratios below 1); half of the runs above 1
reach 95 %, while those below do; the delay at ratio 0.5 is not below 0.9 of the small-tolerance formula. Checks of the
program against the theory, which claim nothing: the median delay over seeds is off by no more than these; the share of
its initial test loss that a run above ratio 1 ends with is on average within 10 % of the floor. A run that diverges
has an infinite delay and final loss.

Primary claims: the delay grows with the ratio, no run generalises above 1, and the formula overstates the delay.

Chosen after looking: rules were changed after a first run, and which of them is not recorded, so take them all as
chosen on the default's seeds 0 to 19. They were confirmed on seeds 100 to 119, at all the default's ratios but 0.9.

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
from gendyn.experiments.grokking.grokking_linear.program import program as program
from gendyn.experiments.grokking.grokking_linear.tables import Tables as Tables
from gendyn.experiments.grokking.grokking_linear.tables import tables as tables
