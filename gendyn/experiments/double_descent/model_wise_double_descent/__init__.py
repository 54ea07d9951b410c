"""Model-wise double descent: does a larger network first get worse, and then better again?

Claim: On data with label noise, the test loss of fully trained networks falls with the width, rises to a peak where
the network becomes just large enough to fit its training set, and falls a second time beyond.

Refuted if: the loss at the first valley is no lower than that of the smallest network, of a constant predictor or of
the peak (then nothing descended first, and what follows is a hump); the loss at the peak is no higher than at the
valley before it or at the minimum after it; or the peak lies more than a factor 2 (in parameters) from the
interpolation threshold: the equations n K, and the measured size at which the median run reaches zero training error.
The sweep at zero label noise is the control, reported by the same statistics: the peak is expected to shrink or vanish
there.

The primary findings are four, at the noise: first valley, interior peak, second descent, and the peak at the measured
threshold. That it goes below the first valley, and n K, are exploratory, and so is all that is said of the control.

A constant predictor that gives each of K classes the share 1 / K has squared error 1 - 1 / K, and cross-entropy log K,
on any labels. The loss of a run is that of its last step.

Chosen on seeds and splits 100 to 104, of which the verdict uses none: 600 examples, 3,000 steps and the widths. With
the 400 examples of an earlier default the median loss never fell below that of a constant (0.90), though it peaked at
1.4: a hump.

Chosen after looking at results of the earlier default: the place of a peak is the centre of the interval above half its
height, on the geometric mean over seeds, and not the largest point, which jumps between neighbours. Both stayed as
they were for this default. On seeds and splits 20 to 27, run once at the end, the centre is at 1.79 n K (1.72 to 1.85),
on those of the verdict at 1.77 (1.65 to 1.91), and all six verdicts at 20 % are the same.

Reference: Belkin, Hsu, Ma & Mandal (2019), Reconciling modern machine-learning practice and the classical bias-variance
trade-off, figure 3; Nakkiran et al. (2020), Deep Double Descent, figures 1 and 4.
"""

from gendyn.experiments.double_descent.model_wise_double_descent.claims import constant_loss as constant_loss
from gendyn.experiments.double_descent.model_wise_double_descent.claims import num_equations as num_equations
from gendyn.experiments.double_descent.model_wise_double_descent.claims import verdict as verdict
from gendyn.experiments.double_descent.model_wise_double_descent.drawing import figure as figure
