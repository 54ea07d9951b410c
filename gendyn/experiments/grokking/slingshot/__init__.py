"""Slingshots: cycles of last-layer growth and loss spikes; which optimizer, epsilon and precision of the loss has them?

Claim: Trained on without weight decay, networks under Adam or RMSProp with a small epsilon pass through cycles: the
last layer grows, the training loss spikes, the norm stays. They need the small epsilon, do not appear under Adagrad or
gradient descent with momentum, and vanish if the loss alone is computed in float64, although the logits go on growing:
they begin where the gradient of float32's softmax is lost to rounding. Test accuracy rises with them.

Refuted if: half of Adam's or of RMSProp's runs or fewer have a cycle; the share with one is not larger by more than one
half than at a larger epsilon, with the loss in float64, under Adagrad or under gradient descent; the logits do not grow
in the last half of Adam's float64 runs; its runs with float64 end as accurate on the test set (to 0.05); with the loss
in float16 the first cycle comes no sooner.

What counts as a cycle is :func:`gendyn.analysis.find_slingshots`, with losses below float32's resolution at 1
(``2^-23``) counted as that: a spike from 1e-14 to 1e-11 is none. An arm that never trains down to the loss at which the
others' cycles begin shows that it has none, not why; the detail of each finding says so, and so does the lowest panel.
A run that diverged counts against every claim: where cycles should be, only those before it count; where none should
be, it counts as having one; its logits count as not growing.

Method: the shares of float32 and of all arms without cycles are the same if any number of the detector is halved or
doubled; how many cycles follow the first is not.

Reference: Thilak et al. (2022), The slingshot mechanism, arXiv:2206.04817, section 3 and appendix (optimizers and
epsilon); arXiv:2605.06152 (2026; the loss in float64).
"""

from gendyn.experiments.grokking.slingshot.claims import verdict as verdict
from gendyn.experiments.grokking.slingshot.drawing import figure as figure
