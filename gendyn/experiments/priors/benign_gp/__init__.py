"""Benign overfitting of Gaussian processes: random labels are fitted, and the evidence says so.

Claim: A Gaussian process with one smooth prior fits images with clean and with random labels alike. As labels are
corrupted, test accuracy falls gradually, and the marginal likelihood falls at every step: what memorises noise
generalises from signal, and the evidence tells the two apart. Where the prior is chosen by the evidence at each level
of corruption, noise is not memorised in the first place.

Refuted if: the mean training accuracy on the labels given is below 0.99 at some level of corruption; test accuracy or
evidence rises from one level to the next; at a corruption of one half test accuracy is not above the nearest
neighbour's straight line; the evidence is more than 2 % off its exact mean over labels (over 16 corruptions of each
draw, since one alone, with its heavy tails, decided nothing); test accuracy on fully random labels is not ``1 / K`` to
0.01, or left-out accuracy on corrupted labels is off its identity by 0.01; a prior chosen on random labels still fits
half of them, or is no better at one half. Laplace's approximation must fit too, its evidence must fall, and on random
labels lie below that of tossing coins. (Towards random labels the mean evidence is stationary, so that its last fall is
small: in Laplace's case two to three standard errors.)

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
