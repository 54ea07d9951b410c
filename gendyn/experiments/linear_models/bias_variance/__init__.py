"""Which part of the error makes the peak: bias, and variance by label noise, initialisation, sample and interactions.

Claim: In regression on random features the peak of the risk at ``N = n`` is variance, and most of it the interaction of
training sample and initialisation; bias and the variance that either causes alone have no part in it. So an average
over initialisations removes most of it, as the decomposition predicts; bagging does too, and moves what is left to
where ``N`` is the number of different examples in a resample. In a small trained network the same interactions make the
peak, and what initialisation has a part in falls with width. Primary are the interactions of either learner, the
average over initialisations, the place of the bagged peak, and the fall with width.

Refuted if: the parts do not sum to the risk; on the sphere this sum is more than 6 % from the closed form, without a
ridge at ``|N / n - 1| >= 0.25`` or with one anywhere; the variance has no peak of 1.5 times both its valleys, or less
than half of its rise from the largest size to the peak is in these interactions (with or without label noise); an
average over initialisations is more than 10 % from its prediction, in absolute value and on average over sizes;
averages leave more than half of the peak; the bagged peak is more than 10 % from ``0.63 n``; what initialisation has a
part in does not fall to half of its largest value.

Setting: ``x`` on the sphere of radius ``sqrt(d)``, a linear teacher of variance 1, label noise. A redraw, with a
teacher and test points of its own, crosses two each of label noises, initialisations and samples; components are the
unbiased ones of analysis of variance, averaged over test points. *Random features*: ReLU, ridge regression, float64;
initialisation is the draw of features. Without a ridge the variance at ``N = n`` has no mean, so claims about the peak
are about the smallest ridge. *mlp*: one hidden ReLU layer, both layers trained by full-batch gradient descent, float32.
Ensembles have ``members`` initialisations unseen by the crossed design, on one of its samples; bagging gives each a
bootstrap resample of it.

Chosen after results had been seen: errors of ensembles are averaged over sizes in absolute value; signed ones, of +30 %
at one size and -30 % at another, would cancel. The limit of 10 % is the one from before. That the variance has a peak
is asked first, since the largest of several noisy values always seems to have risen.

Reference: Adlam & Pennington (2020), arXiv:2011.03321 (random features); d'Ascoli, Refinetti, Biroli & Krzakala (2020),
arXiv:2003.01054 (ensembles); Neal et al. (2018), arXiv:1810.08591 (networks: variance falls with width).
"""

from gendyn.experiments.linear_models.bias_variance.claims import verdict as verdict
from gendyn.experiments.linear_models.bias_variance.drawing import figure as figure
from gendyn.experiments.linear_models.bias_variance.program import LEAVES as LEAVES
from gendyn.experiments.linear_models.bias_variance.program import check as check
from gendyn.experiments.linear_models.bias_variance.program import program as program
