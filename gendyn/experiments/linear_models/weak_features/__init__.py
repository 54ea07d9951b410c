"""The weak-feature regression: does the effective dimension follow the second descent, or does its complement?

Claim: Least squares on ``d`` noisy copies of the label has a test error that peaks at ``d = n`` and then falls below
its first valley, at the exact rate. The curve published as its "effective dimensionality" is ``min(n, d)`` less the
effective dimension: this complement peaks at ``d = n``, falls with the test error and tracks it. The effective
dimension itself does none of this.

Refuted if: the mean risk at ``|d - n| >= n / 5``, or the mean training error at ``d <= 0.8 n``, is off the closed form
by more than 2 %, the effective dimension anywhere by more than 0.5 %, or its complement at ``|d - n| >= n / 5`` by more
than 5 %; the risk or the complement peaks 5 % or more from ``n``; the risk at the last ``d`` is not below its first
valley; over ``d > n`` the rank correlation of the complement with the risk is below 0.9, or the line of the log risk on
its logarithm leaves more than half of the scatter that the line on ``log d`` leaves. The last three findings put the
same questions to the effective dimension by its own name; the claim above expects them refuted.

Setting: ``y ~ N(0, I_n)``, ``x_j = y + z_j`` with ``z_j ~ N(0, I_n)``, minimum-norm least squares of ``y`` on the first
``d`` columns. Two errors are recorded: the risk ``(1 - sum w)^2 + |w|^2``, the exact mean squared test error given
``w``; and the published panel's, ``|X w - y| / |y|`` on as many new examples: a ROOT of a RELATIVE squared error, where
the text speaks of mean squared error. ``effective_dimension = sum s^2 / (s^2 + penalty)`` over the singular values of
``X`` with the published penalty ``0.001 n = 0.2``, and with 1; ``complement = min(n, d) - effective_dimension``. Closed
forms: the risk and the training error are exact at finite ``n``; the root errors are drawn against the root of those, a
ratio of means; the effective dimension is the self-consistent one of the true spectrum of ``X`` (``d + 1`` once and 1
``d - 1`` times), a limit. float64, stored in float32. Redraws are nested over ``d``.

Chosen after results had been seen: 3,000 redraws (1,000 left the risk open); the complement is judged off the peak,
where its limit is 5 % off; and the scatter with its bound of one half, since a rank correlation says no more than that
both fall, as ``1 / d`` does too, whose scatter is 1. The published penalty meets the bound and the larger one does not;
a bound of 1 would pass both. Only a rising line counts, since in the effective dimension, which over ``d > n`` is ``n``
less the complement, a falling one would leave as little. Next to the peak a penalty caps the complement and not the
risk, and most of the scatter is there. The complement is not the best predictor: ``1 / (d - n)`` leaves 0.03.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1g; Maddox, Benton &
Wilson (2020), Rethinking parameter counting, arXiv:2003.02139, section 3. The closed forms:
:func:`gendyn.theory.weak_features_risk`, :func:`gendyn.theory.eigenlearning`.
"""

from gendyn.experiments.linear_models.weak_features.claims import verdict as verdict
from gendyn.experiments.linear_models.weak_features.drawing import figure as figure
from gendyn.experiments.linear_models.weak_features.program import LEAVES as LEAVES
from gendyn.experiments.linear_models.weak_features.program import check as check
from gendyn.experiments.linear_models.weak_features.program import program as program
