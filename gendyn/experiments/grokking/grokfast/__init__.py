"""Grokfast against every control: how much of the speed-up is the filter's?

Claim: Adding the slow part of the gradient (its moving average, exponential or over a window) to the gradient makes
networks generalise sooner. The published comparison gives the filtered runs a weight decay that the baseline lacks, so
the filter is judged here also against the same optimizer and weight decay without it, against plainer things in its
place (a learning rate ``1 + lamb`` times as large, Adam's ``b1 = alpha``), and against AdamW tuned without a filter.

Refuted if: the interval of the speed-up (median steps to 95 % test accuracy of the control over those of the filtered
runs) lies below 1; separately for each control, in steps and, where they were timed, in seconds.

Setting: weight decay is coupled: it is added to the gradient that the filter has amplified up to ``1 + lamb`` times, so
that Adam sees that much less of it than without the filter. Hence a second control of the same decay, divided by ``1 +
lamb``. It is one for both filters, since 0.005 / 3 = 0.01 / 6 (published) as 0.0005 / 3 = 0.001 / 6 (here). "Most of
the speed-up is the filter's" is about logarithms: that of the speed-up over the faster of these two is more than half
of that over the baseline. Seeds are paired: the same number is the same split and the same initial weights in every
arm. A run that diverges never arrives. Tuned AdamW is the tuned arm with the smallest median on the first third of the
seeds, and is compared on the others alone; so is the filter on AdamW, whose arms were added when all others had been
seen.

Reference: Lee, Kang, Kim & Lee (2024), Grokfast, arXiv:2405.20233; Lee et al.'s single runs at full size took 39,890
steps without, 910 with the exponential and 790 with the windowed average.
"""

from gendyn.experiments.grokking.grokfast.claims import verdict as verdict
from gendyn.experiments.grokking.grokfast.drawing import figure as figure
from gendyn.experiments.grokking.grokfast.timing import after as after
