"""Regression on random features: double descent in their number, on the sphere where it is solved, and on images.

Claim: The test risk and the coefficient norm of regression on ``N`` random features peak where ``N`` is ``n``, the
number of examples. On the sphere the risk is the closed form of Mei & Montanari. Label noise raises the peak, a ridge
removes it, and averaging the predictions of several feature draws lowers it. Primary, on either data, are the place of
the peak of the risk, what label noise adds there, and that the ridge removes it.

Refuted if: on the sphere a mean over redraws is more than 6 % from the closed form, without a ridge at ``|N / n - 1| >=
0.25`` or with one anywhere; without a ridge no peak of 1.5 times its valleys is there, or it is more than 5 % from
``n``; label noise adds less than twice as much risk there as at the ends of the sweep; with the largest ridge a peak
stands 10 % over its valleys; averaging ``K`` draws leaves more than half of the risk at ``N = n``.

Setting: *sphere*: ``x`` and the directions of the ReLU features uniform on the sphere of radius ``sqrt(d)``, ``y = b .
x / sqrt(d) + noise`` with ``b`` on the same sphere, means over ``num_targets`` such ``b`` with a noise each, and the
penalty ``(n N ridge / d) |a|^2`` beside the sum of squared errors. *images*: ``n`` training images out of the task's
pool, anew in each redraw, flattened and divided by ``sqrt(d)``. Pool and test images are one split of the task, so that
intervals on images say nothing of other test images; random Fourier or ReLU features; one-hot targets, of
which a share ``label_noise`` is that of another class; the penalty is ``N ridge |a|^2``. All numbers of features of a
redraw are prefixes of one draw. Risk is against noiseless targets on inputs that are not in the sample. Float64:
without a ridge the condition number at ``N = n`` exceeds 1e6 in single redraws. The risk there has no mean, so
everything said about that place is about medians over redraws.

Reference: Mei & Montanari (2022), arXiv:1908.05355; Belkin, Hsu, Ma & Mandal (2019), arXiv:1812.11118, figure 2
(random Fourier features on MNIST); d'Ascoli, Refinetti, Biroli & Krzakala (2020), arXiv:2003.01054 (ensembles).
"""

from gendyn.experiments.linear_models.random_features.claims import verdict as verdict
from gendyn.experiments.linear_models.random_features.drawing import figure as figure
from gendyn.experiments.linear_models.random_features.program import LEAVES as LEAVES
from gendyn.experiments.linear_models.random_features.program import check as check
from gendyn.experiments.linear_models.random_features.program import program as program
