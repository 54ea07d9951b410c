"""Ungrokking: does a network that has generalised forget it when most of its training set is taken away?

Claim: A network that has grokked and goes on with a prefix ``D'`` of its training set keeps its test accuracy where
``D'`` is above a critical size and loses it below, since there memorising costs less parameter norm than the circuit
that generalises. The transition is sharp, and as both circuits feel the same decay the critical size does not depend on
weight decay. Networks trained on ``D'`` alone end in the same place.

Refuted if: 10 % and 90 % test accuracy are more than a factor 2 of data apart; the critical fractions of two weight
decays, or of continued and fresh networks, differ by more than a factor 1.25. Both factors are conventions, stated here
before the verdict; an interval across the margin is undecided.

Setting: a quadratic network on addition modulo ``p``, full batch, AdamW. One run is both phases: it trains on
``data.train_fraction`` of all pairs until ``data.change_step``, and then on ``data.changed_train_fraction``. The
control changes at step 1 (of thousands), so that both are tested on the same rows, which neither ever trains on.

Critical fraction: where a seed's final test accuracy (median of the last three records), a piecewise linear function of
``D' / N``, crosses one half for the last time. Without a crossing on the grid it is only known to lie beyond its end,
and both possible extremes enter the interval. The interval is over seeds (initial weights, and which pairs are left);
it does not include the spacing of the grid. The same crossing two thirds of the way through the second phase says
whether the runs were long enough.

Reference: Varma, Shah, Kenton, Kramár & Kumar (2023), Explaining grokking through circuit efficiency, arXiv:2309.02390,
sections 3 and 5.
"""

from gendyn.experiments.grokking.ungrokking.claims import verdict as verdict
from gendyn.experiments.grokking.ungrokking.drawing import figure as figure
