"""A soft preference for low orders: is one regularised polynomial of order 15 as good as the right hard restriction?

Claim: A polynomial of order 15 with the penalty ``sum_j 0.01^2 j^2 w_j^2`` generalises at least as well as plain
polynomials of order 2 and of order 15, at every number of examples and for targets of either order and a cosine. Bias
and variance need no trade-off: such a polynomial, and an ensemble, have a low bias and a low variance at once.

Refuted if: for a law of the inputs, in the basis of monomials, at some number of examples and some target, the median
test error of the regularised polynomial is more than 10 % above that of the better plain one; or, at ``judged``
examples and some target, the median of its squared bias or of its variance is above the noise variance of one label,
where the plain polynomial of order 2 is above it by its bias and that of order 15 by its variance; or the same of the
mean of 50 functions of 25 random steps, against one function of 5 and one of 25. These are the primary claims, for
either law. Other bases are exploratory, and so is a weaker sense of the first claim: the regularised polynomial's
largest ratio to the better of the other two, over examples and targets, is smaller than theirs, so that it is the one
to choose if nothing is known of the target. A check: the mean squared error is bias^2 + variance.

Chosen after looking: ``judged`` and the limit of one label's noise, with the errors of the polynomials known; not the
ensembles, of which nothing was. Both were confirmed on seeds 1000 to 1199, which had not been looked at.

Setting: ``n`` inputs and ``num_test`` test inputs of one law, ``normal`` (as published) or ``uniform`` on [-1, 1]. The
paper gives neither basis, coefficients, noise nor scale of the loss. Here: targets of order 2 and 15 with standard
normal monomial coefficients drawn anew each time, and ``cos(1.5 pi x)``, each divided by its root mean square under the
law; Gaussian label noise of ``noise`` times that; squared error summed over examples, halved nowhere. Plain fits are of
minimum norm where they are not determined. Step functions predict the mean target between random places, drawn from the
law of the inputs; the variance of one is over label noise and places. The bases are monomials of the input itself,
Legendre and Chebyshev polynomials on [-1, 1] or on ``normal_domain``. Medians, since plain fits of order 15 have no
mean error near 16 examples. The closed form is the expected squared error at the test inputs given all inputs, bias^2 +
variance. Float64.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 5 and appendix D.
"""

from gendyn.experiments.priors.soft_bias_polynomial.claims import verdict as verdict
from gendyn.experiments.priors.soft_bias_polynomial.drawing import figure as figure
from gendyn.experiments.priors.soft_bias_polynomial.program import LEAVES as LEAVES
from gendyn.experiments.priors.soft_bias_polynomial.program import check as check
from gendyn.experiments.priors.soft_bias_polynomial.program import program as program
