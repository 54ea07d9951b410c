"""Equation counting: are as many parameters as equations what it takes to interpolate?

Claim: To fit ``n`` examples of ``K`` outputs exactly is to solve ``n K`` equations. A linear model on linear, random
Fourier or random ReLU features needs exactly ``n`` features for it, that is ``n K`` parameters, whatever the labels. A
network with one hidden layer, trained on the squared loss, needs a number of parameters within 0.8 to 1.25 of ``n K``,
for uniformly drawn labels and for true ones, growing as its power 0.9 to 1.1. Classifying every training example is a
matter of inequalities and takes fewer: below 0.92 of the equations, for features and for networks. Training for a
quarter of the steps takes 1.1 times the parameters or more, so the count belongs to model and training together
(effective model complexity). Primary are the four claims about networks that interpolate; that features do is algebra.

Refuted if: an interval lies outside of these.

Setting: images of the first ``K`` digits, averaged to 4 x 4 pixels (linear features: Gaussian inputs, true labels those
of a linear teacher). Targets are centred one-hot labels, so a residual is a share of their variance. Features are
solved by minimum-norm least squares in float64, and solve the equations if 1e-9 is left. Networks: 16 - width - K
ReLU units, all biases, full-batch Adam from a learning rate that falls to 0 by a cosine, float32; they fit if at most
``tolerance`` is left, a stated choice: gradient descent does not reach zero. Crossings of networks are placed between
the widths tried, in log residual and log parameters; a redraw in which no width fits counts as infinite and one in
which the smallest does as 0, so that medians are honest as long as most redraws cross. That networks classify uniform
labels with fewer parameters is judged where widths are few and one image is 2 to 3 % of the error (the smallest
problems), by a loss that is not one of classification.

Known when the thresholds were written down: a trial of ten redraws of features, and of two of networks at n = 64 and
96, whose uniform labels were fitted at 0.95 to 1.05 of the equations and whose true ones at 0.7 to 1. Chosen after
looking: the bound of 0.92, since the first one, 0.9, is itself a size that is tried.

Reference: Belkin, Hsu, Ma & Mandal (2019), section 3 (``n K`` for networks); Nakkiran et al. (2020), definition 1;
Zhang et al. (2017), random labels; Cover (1965), inequalities.
"""

from gendyn.experiments.double_descent.equation_counting.claims import verdict as verdict
from gendyn.experiments.double_descent.equation_counting.drawing import figure as figure
from gendyn.experiments.double_descent.equation_counting.program import LEAVES as LEAVES
from gendyn.experiments.double_descent.equation_counting.program import check as check
from gendyn.experiments.double_descent.equation_counting.program import program as program
