"""Grokking and epoch-wise double descent on one axis: which is learnt first, the pattern or the training set?

Claim: A network learns patterns at different speeds. Where the one that generalises is slower than memorising, test
accuracy rises long after the training set is fitted: grokking. Where it is faster, and labels are noisy, the test error
falls, rises while the wrong labels are memorised, and falls again: epoch-wise double descent. The order of the two
decides which, in one task and one program; and width, which speeds up memorising, brings grokking about (model-wise).

Refuted if: at the largest width and of medians over seeds, in the fast regime with noise, the test error does not rise
by more than 0.01 after its first valley, or does not fall by as much from that peak; it rises by 0.01 or more without
noise; in the slow regime without noise the test threshold takes at most twice the steps of the training threshold, or
more than that in the fast regime too; the narrowest network's delay factor there is no smaller than the widest one's;
the rises of noisy runs are not positively rank-correlated, over regimes and widths, with the ratio of speeds. A run
that diverges has a test error of 1 from then on, and reaches no threshold any more.

Setting: the axis is ``ratio = steps to 95 % training accuracy (labels as told) / steps to 70 % test accuracy (clean
labels)``: above 1 the pattern comes first, below 1 memorising; 1 / ratio is the delay factor of grokking. The lower
level on the test side is one that noisy runs reach too; it makes delays shorter, against the claim. Rises are read
where the *other* seeds place valley and peak, so that the largest of many noisy values is not taken for a rise. The two
regimes are arms: the config lists first the one in which generalising is slow, then the one in which it is fast. They
differ in initial scale and weight decay, the two knobs on the speed of what generalises.

Reference: Davies, Langosco & Krueger (2023), Unifying grokking and double descent, arXiv:2303.06173; Liu, Michaud &
Tegmark (2022), Omnigrok, arXiv:2210.01117 (initial scale).
"""

from gendyn.experiments.grokking.grokking_vs_double_descent.claims import verdict as verdict
from gendyn.experiments.grokking.grokking_vs_double_descent.drawing import figure as figure
