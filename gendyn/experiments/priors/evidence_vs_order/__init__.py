"""Model order and the marginal likelihood: does the evidence choose an order, or does the prior make the choice idle?

Claim: If all coefficients of a Bayesian polynomial have the same prior variance (isotropic), its log marginal
likelihood has its maximum at an intermediate order. If the variance falls with the order as ``2^-j``, the evidence
does not fall on the way to the largest order: with a prior that prefers simple functions, more parameters cost nothing.
Of Fourier models with such a prior the evidence prefers those of high order.

Refuted if: at some noise level the mean evidence of the isotropic prior is not more than 3 nats (of all points
together) above its value at the largest order and at order 0; or that of the order-dependent prior does not rise by 3
nats to its maximum, or falls by more than 1 nat from there to the largest order; or its largest Fourier model is not
more than 3 nats above the one that is best under the isotropic prior, which is the control. On Kass and Raftery's
scale 3 nats are strong evidence and 1 nat is not worth more than a bare mention. Primary are the maximum and the
absence of a fall in both polynomial bases, and the preference in both Fourier bases; the same questions in the other
bases are exploratory. So is a weaker sense of "saturates", levelling off: over the last third of the orders the
evidence changes by less than a tenth of what it changes there under the isotropic prior, where that falls by more than
1 nat. Two checks: the evidence is the sum of the sequential predictive densities to 1e-8 of itself, and its mean over
redraws is the exact expectation over label noise.

Chosen after looking: levelling off was added after the first results, in which the stronger sense depended on the
basis; its first rule, a change below 1 nat, hardly told the monomials' two priors apart, so that it is now a comparison
with the isotropic one. The Fourier bases, and that there are two, were chosen after 40 redraws of other seeds, in which
the length of the period decided; they had frequencies up to ``max_order`` until seeds 0 to 399 had been judged, and
have half as many since, which are cheaper. Levelling off and the Fourier claims were looked at once more on seeds 1000
to 1399, which had not been looked at.

Setting: inputs uniform on [-1, 1]; a target of order 3 with standard normal monomial coefficients, drawn anew each
time; Gaussian label noise that the model knows. The models have the constant and the first 0 to ``max_order`` functions
beyond it: monomials, Chebyshev or Legendre polynomials, one of each order, or the cosine and the sine of each frequency
``j``, whose order that is in ``2^-j``. ``fourier`` has the period 2 of the interval, on which the target jumps from one
end to the other, so that no number of functions is right; ``fourier_wide`` has the period 4, within which the target
goes on smoothly. The closed form, given the design ``X`` and the target ``f`` at its points, is ``-(n log 2 pi + log
det C + f^T C^-1 f + noise^2 tr C^-1) / 2`` with ``C = X diag(v) X^T + noise^2 I``, by an update for each column; the
learner goes through singular values. All float64.

Reference: Wilson & Izmailov (2020), Bayesian deep learning and a probabilistic perspective of generalization,
arXiv:2002.08791; Wilson (2025), arXiv:2503.02113; Rasmussen & Ghahramani (2001), Occam's razor (Fourier models whose
coefficients' variance falls with the order); Kass & Raftery (1995), Bayes factors, section 3.2 (the scale).
"""

from gendyn.experiments.priors.evidence_vs_order.claims import verdict as verdict
from gendyn.experiments.priors.evidence_vs_order.drawing import figure as figure
from gendyn.experiments.priors.evidence_vs_order.program import LEAVES as LEAVES
from gendyn.experiments.priors.evidence_vs_order.program import check as check
from gendyn.experiments.priors.evidence_vs_order.program import program as program
