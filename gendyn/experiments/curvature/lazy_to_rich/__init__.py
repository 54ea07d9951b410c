"""Lazy to rich: how far does the tangent kernel move, and where does the linearised network stop being the network?

Claim: For large output scale ``alpha`` gradient descent stays so near its start that the network is its linearisation
there, and kernel regression with the initial kernel predicts its outputs at every step. For small ``alpha`` the kernel
moves and turns towards the labels. The border is where ``alpha sqrt(width)`` has some fixed value.

Prediction: in the ntk parametrisation fitting targets of fixed size moves each hidden unit's weights by
``delta ~ 1 / (alpha sqrt(width))``. In general ``||K_T - K_0|| / ||K_0|| ~ 1 / alpha`` follows. Here the network is the
difference of two equal halves whose weights move by ``+delta`` and ``-delta`` while the kernel is the *mean* of theirs:
the first order cancels, and what is left is ``delta^2 ~ alpha^-2 width^-1`` (for a smooth activation). The linearised
prediction is wrong by the same order, relative to the labels, and its border moves as ``width^-1/2``.

Refuted if: over the seeds, the slope of log movement on log scale in the largest decade of the widest network is not
within 0.25 of -2; the slope on log width, at the scale nearest 1, is not within 0.25 of -1; the linearised prediction
is off by 1 % of the labels or more at the largest scale at some width; the border's slope on log width is not within
0.25 of -1/2; the alignment with the labels does not grow more on the rich side of the border than on the lazy one.
The smallest scale is the control: there the linearised prediction must fail, by more than 10 %, at every width.

Setting: squared error, mean over examples, full-batch gradient descent without momentum, one output, a kernel on all
training inputs. The learning rate only divides training into steps: any at which training converges will do, also one
that differs between scales, as long as steps times learning rate times kernel is enough to fit. With
``L = mean of (f - y)^2`` the linearised residual is multiplied by ``1 - (2 learning_rate / n) lambda`` a step, exactly.

Reference: Chizat, Oyallon & Bach (2019), On lazy training in differentiable programming, arXiv:1812.07956, sections 1.1
and 2; Geiger, Spigler, Jacot & Wyart (2020), Disentangling feature and lazy training in deep neural networks,
arXiv:1906.08034, section 4; Lee et al. (2019), arXiv:1902.06720, eqs. 10-11.
"""

from gendyn.experiments.curvature.lazy_to_rich.claims import verdict as verdict
from gendyn.experiments.curvature.lazy_to_rich.drawing import figure as figure
from gendyn.experiments.curvature.lazy_to_rich.tables import check as check
