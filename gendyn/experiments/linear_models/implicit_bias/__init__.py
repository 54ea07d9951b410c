"""Implicit bias: which of the many solutions does descent find, and how fast?

Claim: On squared loss with more features than examples, gradient descent from 0 ends at the solution of least norm, and
so do momentum and stochastic gradient descent; Adam ends at another one. What the start has outside the row space of
the data stays for ever: an interpolant of large norm keeps its norm however long one trains, without weight decay. On
the way the path is gradient flow's closed form, and stopping early does as well as the best ridge. On logistic loss
with separable data gradient descent and momentum turn to the direction of largest margin, logarithmically slowly, with
a constant known from the support vectors; Adam turns to another direction. Beyond that: ReLU networks go on raising
their margin, and in many dimensions a largest margin that fits flipped labels is harmless. Primary are where Adam ends
on either loss, which margin it prefers, stopping against ridge, and the rate in few dimensions. What is proved checks
the code; the others are exploratory.

Refuted if: the relative distance to the least norm is not below 1e-6 (gradient descent, momentum, stochastic descent)
or not above 0.1 (Adam at any of its learning rates, stochastic descent from another start, at the median); after the
fit the median norm changes by 5 % without weight decay, or by less than 20 % with it; the part left of the start is off
by 1e-6; the path leaves the flow's by more than its first-order bound; its mean risk exceeds 1.6862 times that of ridge
at ``1 / t`` at some time; at its best time it is not 2 % below both ends, or not within 5 % of that of the best ridge;
angles are more than 2 % off the closed form (gradient descent after a time of 1,000, momentum at the end); in few
dimensions the cotangent of the angle does not grow as fast in the last third of ``log t`` as in the third before, to
25 %; Adam keeps no angle of at least 0.2, or favours the margin of the Euclidean norm; the margin of networks grows by
less than 10 % after logistic loss has classified everything, or by more after squared loss is fitted; with the most
features the error is a fifth of the share of flipped labels, or with the fewest less than half.

Setting: *squared loss* ``|y - X w|^2 / (2 n)``: ``x ~ N(0, I)``, noisy labels of a linear teacher of norm 1 at the
mean; ridge at ``1 / t`` for gradient descent at ``t = learning rate * steps``. *Logistic loss*, summed over examples:
``x ~ N(0, I / p)``, labels of a linear teacher. ``wide``: many more features than examples, so that all examples are
support vectors and the closed form lacks nothing. ``narrow``: more examples, moved away from the teacher's hyperplane
by ``margin``; there the constant is unknown and the rate alone is judged. Momentum is heavy ball: at the same rate on
squared loss; on logistic loss at ``1 - momentum`` of it, which makes the effective rates equal (at the full rate its
first steps overshoot, and ``log t`` takes exponentially long to catch up). Adam's rate falls to 0 as a cosine
on squared loss; on logistic loss it is constant and ``eps = 0``, since with it Adam on vanishing gradients is plain
descent in the end. *Networks*: ``sum_h a_h relu(w_h . x)`` on random labels, both losses from one start; the normalised
margin is ``min y f / |theta|^2``, from the first record at which the summed logistic loss is below ``log 2``. Its
largest value is not known, so growth is judged, not arrival. *Flipped labels*: two Gaussian classes; the error is
exact. One run is one redraw of all problems, in float64.

Chosen after results had been seen: momentum is judged at the end; at a time of 1,000 it is late by its overshoot. Rate
and steps of the networks, and the sizes of the two classes, come from a trial on other draws; that there is a best time
to stop is asked first, with its 2 %, since a path that learns nothing is as good as the best ridge that learns nothing.

Reference: Soudry et al. (2018), arXiv:1710.10345; Ali, Kolter & Tibshirani (2019), arXiv:1810.10082; Zhang et al.
(2024), The implicit bias of Adam on separable data, arXiv:2406.10650.
"""

from gendyn.experiments.linear_models.implicit_bias.claims import verdict as verdict
from gendyn.experiments.linear_models.implicit_bias.drawing import figure as figure
from gendyn.experiments.linear_models.implicit_bias.program import LEAVES as LEAVES
from gendyn.experiments.linear_models.implicit_bias.program import check as check
from gendyn.experiments.linear_models.implicit_bias.program import program as program
