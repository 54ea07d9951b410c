"""A polynomial of order 150 that prefers low orders: simple data, complex data and pure noise with one and the same.

Claim: A polynomial of order 150 with the penalty ``sigma^2 sum_j 2^j w_j^2`` recovers a simple target, recovers a
complex one, and fits pure noise perfectly: overfitting is benign because the bias towards low orders is soft.

Refuted if: for a law of the inputs, in the basis of monomials in which the source writes the polynomial, at the
reference range, number of points and ``sigma``, the median test error on ``x + cos(pi x)`` or on ``sin(x) cos(x^2)``
exceeds 5 % of the target's root mean square, or the root mean square that is left of pure noise at its own points
exceeds 10 % of the noise. These six are the primary claims: a part that is supported alone is no benign overfitting.
The same of Chebyshev polynomials is exploratory. The published panels state neither the range, the basis, ``sigma``,
the number of points nor the precision; here they are axes and leaves. Two exploratory findings say
whether all three hold together at the best range, basis and law for the reference points and ``sigma``, and at the best
of those too: the best of every second redraw, judged on the others (since a review of finished results; before, both
were done on all redraws, which favoured the claim). The reference range, [-1.4, 1.4], is the widest on which the
monomials' kernel is of modest size. It, and equispaced inputs beside random ones, were chosen after a first scan of 20
redraws, the limits of 5 % and 10 % before. Two checks: what is left of the noise is the exact expectation given the
inputs, and the fit is that of the Gaussian process whose kernel is known in closed form.

Setting: ``num_train`` inputs on ``[-half_width, half_width]``, ``random`` (uniform) or ``equispaced`` with both ends;
targets without noise, or standard normal noise, so that with equispaced inputs redraws differ in the noise alone.
Monomials are those of the input itself, as in the paper; Chebyshev polynomials are those of ``x / half_width``. Ridge
regression by singular values of the scaled features, in float64 throughout: the kernel matrix has condition numbers
beyond 1e16, its features only the root of that. Test errors are averages over the range.

Closed forms. *Noise*: given the inputs, the expected square of what is left is ``mean_i (sigma^2 / (s_i^2 +
sigma^2))^2`` with the singular values ``s`` of the scaled features: noise is fitted if and only if ``sigma`` is well
below the smallest of them. *Kernel*: ``sum_(j <= J) 2^-j x^j x'^j = (1 - (x x' / 2)^(J + 1)) / (1 - x x' / 2)`` for
monomials, of modest size only for ``|x| < sqrt(2)``; for Chebyshev polynomials, with ``x = cos a`` and ``x' = cos b``,
the mean of ``P(a + b)`` and ``P(a - b)``, ``P(t) = Re sum_(j <= J) (e^(i t) / 2)^j``.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1 (a-c) and
appendix D. The kernels are derived here.
"""

from gendyn.experiments.priors.benign_polynomial.claims import verdict as verdict
from gendyn.experiments.priors.benign_polynomial.drawing import figure as figure
from gendyn.experiments.priors.benign_polynomial.program import LEAVES as LEAVES
from gendyn.experiments.priors.benign_polynomial.program import check as check
from gendyn.experiments.priors.benign_polynomial.program import program as program
