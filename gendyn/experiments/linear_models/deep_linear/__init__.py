"""Deep linear networks: modes learned in a staircase, ranks lost with depth, matrices completed from a small start.

Claim: Gradient descent on a product of matrices learns the singular modes of its target one after another, by the
closed form of aligned and balanced factors, from which it differs by first order in the learning rate: the error falls
by 10 +- 0.5 with the last decade of it. From random directions the stronger mode still comes first, and the closed
form is within 25 % at depth 2 and at every depth from 2 to 4. A product of ``L`` Gaussian matrices loses effective rank
as the closed form says, within 2 %; a product of orthogonal ones loses none, so depth as such costs no rank. Completing
a matrix of low rank, depth 1 leaves unobserved entries at their start; from the smallest start depth 3 errs less than
depth 2, deeper networks err less than from the largest start, and depth 3 has the effective rank of the truth within
25 %, while depth 1, the solution of least Frobenius norm, has more than twice that rank: least norm alone is not low
rank. Primary are the order and the place (at depth 2) of the modes, and the first three claims about completion beyond
depth 1; first order in the step and the ranks of products are proved, and check the code.

Refuted if: an interval lies outside of these.

Setting: ``|map - W_N ... W_1|^2 / 2``, the squared loss on whitened inputs, with a map of 8 x 8 and four modes: fewer
modes than dimensions, for gradient flow keeps the sign of the determinant, and a full map could not be learned from
half of the random directions. Each factor starts as ``initial^(1 / N)`` times an orthogonal matrix, aligned with the
map or uniform. Modes in float64, ranks and completion in float32. A completion's map has ``|map|_F^2 = rank``; factors
start Gaussian, the product with ``E |product|_F^2 = scale^2 size``, and are trained by plain gradient descent on the
observed entries, at ``completion_rate / depth``. Redraws are of singular vectors, starts, matrices and observed
entries. At aligned starts rotations change nothing but rounding, so a few are enough.

Chosen after looking: a trial of every part came before the thresholds, and in it a learning rate of 0.01 was not small
at depth 4, so that the law of first order is tested on the last decade alone. A first run had products of 64 x 64, too
far from the closed form, which is a limit, to decide; now they are 128 x 128, at the same tolerance. That least norm is
not low rank was added with the results of the other claims in sight.

Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120; Arora, Cohen, Hu & Luo (2019), arXiv:1905.13655,
figures 1 and 2; Roy & Vetterli (2007); Huh et al. (2023), arXiv:2103.10427 (ranks of products).
"""

from gendyn.experiments.linear_models.deep_linear.claims import verdict as verdict
from gendyn.experiments.linear_models.deep_linear.drawing import figure as figure
from gendyn.experiments.linear_models.deep_linear.program import LEAVES as LEAVES
from gendyn.experiments.linear_models.deep_linear.program import check as check
from gendyn.experiments.linear_models.deep_linear.program import program as program
