"""Benign overfitting of Gaussian processes: random labels are fitted, and the evidence says so.

Claim: A Gaussian process with one smooth prior fits images with clean and with random labels alike, and generalises
from the clean ones, as long as images have structure. As labels are corrupted, test accuracy falls gradually, and the
marginal likelihood falls at every step: the evidence tells signal from noise. Where the prior is chosen by the
evidence at each level of corruption, noise is not memorised in the first place. On few images such a process predicts
better than simpler models.

Refuted if: the mean training accuracy on the labels given is below 0.99 at some level of corruption; test accuracy or
evidence rises from one level to the next; test accuracy from clean labels is not by one half above that on scrambled
images, each with an order of its own of its pixels, which must be fitted as well (the control: the same process, prior
and labels); a prior chosen on random labels still fits half of them, where that of clean ones fits all; at some number
of few images the process is not better than a linear model whose prior and noise the evidence chooses too, and than
the nearest class mean. These six are the primary claims. Exploratory: at a corruption of one half test accuracy is
above the nearest neighbour's straight line, and a prior chosen there is better; Laplace's approximation fits too, its
evidence falls, and on random labels lies below that of tossing coins. (Towards random labels the mean evidence is
stationary, so that its last fall is small.) Checks: the evidence is its exact mean over labels to 2 % (over 16
corruptions of each draw, since one alone, with its heavy tails, decided nothing); test accuracy on fully random labels
is ``1 / K`` to 0.01, and left-out accuracy on corrupted labels follows its identity to 0.01.

Chosen after looking: the 16 corruptions. The scrambled and the few images, their rules and the numbers of images, were
fixed before their first run at the default's size.

Setting: regression on targets +1 at an image's class and -1 elsewhere, with an RBF, a constant and noise, whose
hyperparameters maximise the evidence on the clean labels of one pilot draw (``fixed``) or on the pilot's labels at each
level (``chosen``). Laplace's approximation of logistic classification on two classes has the clean pilot's
prior. A redraw draws training and test images from their pools and corrupts the training labels: a redraw's levels
are nested. ``uniform_any`` draws a corrupted label from all classes, ``uniform_incorrect`` from the others. Pixels are
standardised and divided by ``sqrt(d)``; float64. Intervals are over draws from the pools, not over other pools, and
over redraws given the priors: each kind of corruption has one pilot, and every claim is about the priors that it chose.
How much another pilot (``pilot_seed``) would change is not in any interval.

Closed forms: the mean evidence over corrupted labels at given images is exact for any prior. For labels of rate ``c``
of ``uniform_any``, an image's own label and the prediction from all others are independent, so that the left-out
accuracy on corrupted labels is ``(1 - c) a + c / K`` if that on the true ones is ``a`` (for ``uniform_incorrect``
``(1 - c) a + c (1 - a) / (K - 1)``): accuracy can be read off corrupted labels alone. Predictions from fully random
labels are exchangeable over classes, hence ``1 / K``. A nearest neighbour's accuracy is ``(1 - c) a_0 + c / K``.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1 (its process is a
variational classifier on two classes of CIFAR-10, its evidence a bound); Zhang et al. (2017), arXiv:1611.03530.
"""

from gendyn.experiments.priors.benign_gp.claims import verdict as verdict
from gendyn.experiments.priors.benign_gp.drawing import figure as figure
from gendyn.experiments.priors.benign_gp.program import LEAVES as LEAVES
from gendyn.experiments.priors.benign_gp.program import program as program
