"""Model-wise double descent: does a larger network first get worse, and then better again?

Claim: On data with label noise, the test loss of fully trained networks falls with the width, rises to a peak where
the network becomes just large enough to fit its training set, and falls a second time beyond.

Refuted if: the loss at the peak is no higher than at the valley before it or at the minimum after it, or the peak
lies more than a factor 2 (in parameters) from the interpolation threshold: the equations n K, and the measured size at
which the median run reaches zero training error. The sweep at zero label noise is the control, reported by the same
statistics: the peak is expected to shrink or vanish there.

Reference: Belkin, Hsu, Ma & Mandal (2019), Reconciling modern machine-learning practice and the classical bias-variance
trade-off, figure 3; Nakkiran et al. (2020), Deep Double Descent, figures 1 and 4.
"""

from gendyn.experiments.double_descent.model_wise_double_descent.claims import constant_loss as constant_loss
from gendyn.experiments.double_descent.model_wise_double_descent.claims import num_equations as num_equations
from gendyn.experiments.double_descent.model_wise_double_descent.claims import verdict as verdict
from gendyn.experiments.double_descent.model_wise_double_descent.drawing import figure as figure
