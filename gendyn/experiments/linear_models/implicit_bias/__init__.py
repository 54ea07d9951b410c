"""Implicit bias: which of the many solutions does descent find, and how fast?

Claim: On squared loss with more features than examples, gradient descent from 0 ends at the solution of least norm, and
so does momentum; Adam ends at another one. What the start has outside the row space of the data stays for ever.
On the way the path is gradient flow's closed form, and stopping early does as well as the best ridge. On
logistic loss with separable data gradient descent and momentum turn to the direction of largest margin, logarithmically
slowly, with a constant known from the support vectors; Adam turns to another direction.

Refuted if: the relative distance to the least norm is not below 1e-6 (gradient descent, momentum) or not above
0.1 (Adam, at the median, at any of its learning rates); the part left of the start is off by 1e-6; the path leaves the
flow's by more than its first-order bound; its mean risk exceeds 1.6862 times that of ridge at ``1 / t`` at some time,
or is, at its best time, not within 5 % of that of the best ridge; angles are more than 2 % off the closed form
(gradient descent after a time of 1,000, momentum at the end); in few dimensions the cotangent of the angle does not
grow as fast in the last third of ``log t`` as in the third before, to 25 %; Adam keeps no angle of at least 0.2, or
favours the margin of the Euclidean norm.

Setting: *squared loss* ``|y - X w|^2 / (2 n)``: ``x ~ N(0, I)``, noisy labels of a linear teacher of norm 1 at the
mean; ridge at ``1 / t`` for gradient descent at ``t = learning rate * steps``. *Logistic loss*, summed over examples:
``x ~ N(0, I / p)``, labels of a linear teacher. ``wide``: many more features than examples, so that all examples are
support vectors and the closed form lacks nothing. ``narrow``: more examples, moved away from the teacher's hyperplane
by ``margin``; there the constant is unknown and the rate alone is judged. Momentum is heavy ball: at the same rate on
squared loss; on logistic loss at ``1 - momentum`` of it, which makes the effective rates equal (at the full rate its
first steps overshoot, and ``log t`` takes exponentially long to catch up). Adam's rate falls to 0 as a cosine
on squared loss; on logistic loss it is constant and ``eps = 0``, since with it Adam on vanishing gradients is plain
descent in the end. One run is one redraw of all three problems, in float64.

Chosen after results had been seen: momentum is judged at the end; at a time of 1,000 it is late by its overshoot.

Reference: Soudry et al. (2018), arXiv:1710.10345; Ali, Kolter & Tibshirani (2019), arXiv:1810.10082; Zhang et al.
(2024), The implicit bias of Adam on separable data, arXiv:2406.10650.
"""

from gendyn.experiments.linear_models.implicit_bias.claims import verdict as verdict
from gendyn.experiments.linear_models.implicit_bias.drawing import figure as figure
from gendyn.experiments.linear_models.implicit_bias.program import LEAVES as LEAVES
from gendyn.experiments.linear_models.implicit_bias.program import check as check
from gendyn.experiments.linear_models.implicit_bias.program import program as program
