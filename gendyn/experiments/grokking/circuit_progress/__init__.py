"""Circuit progress: do measures of a network's circuits move before its test accuracy does, and by how many steps?

Claim: In networks that converge, a trigonometric circuit forms gradually behind the sudden rise of test accuracy.
Measures of it (restricted loss, excluded loss, concentration on few frequencies, margin per parameter norm) are half
way to their final values before test accuracy crosses one half. They stay where they are in networks that memorise:
they move neither that way nor the other. In the end a few key frequencies carry the solution: without them the loss is
that of chance or worse, without all others it is as good as before. After the fit weights move on and features turn,
further than in networks that memorise.

Refuted if: the median lead over seeds lies below 0 (the measure lags); a measure moves at least half as far, in either
direction, in runs on random labels or without weight decay; there are not 3 to 8 key frequencies (the published count,
at modulus 113); the loss without key frequencies, on all pairs or on those not trained on, is below ``log p``; without
the others it is more than 0.1 above what it was; after the fit the weights move by less than a tenth of their norm
then, or the alignment of the features with their end is above 0.9; features turn as far in a run that memorises. An
interval across a border is undecided. All but leads presuppose that networks generalise late.

Primary claims: late generalisation, and the leads of the restricted loss, the excluded loss, the Gini coefficient of
the logits and the trigonometric efficiency.

Chosen after looking: that a movement counts in either direction, and the claims on what moves after the fit. No other
seeds have been tried. Training this network is chaotic: rounding on another machine changes single runs, so a verdict
that is called borderline may differ there.

Half way: a measure's end is its median over the last three records. Its turning point is the record furthest from that
end among those from 95 % training accuracy on; before, it follows memorisation, and the excluded loss still does for a
while. It is half way between the two at the first of two consecutive later records on the far side. A measure that is
still moving at the end is half way later in a longer run: leads belong to the budget. The true lead lies between those
that the records allow, and a run that never reaches 95 % test accuracy may have any: its end is not the end. The test
loss goes through the same rule as a sceptic's baseline: it needs no circuit to be ahead of a threshold of accuracy.

Alignment of features: linear CKA of the hidden units on fixed inputs with themselves at the run's last record. Of the
weights only norms are recorded: for each tensor the change of the norm is a lower bound of how far it moves.

Movement of a control run: from its own turning point (counted from where the generalising run of the same seed fits, if
it never does) to its end, over that of the generalising run of the same seed.

Gradients: whether they are slow, as Grokfast's filters presuppose, takes training once more:
``gradient_spectra(get_config(), start=200, num_steps=2048, segment_length=1024, cutoff=0.0032)``, with the
``get_config`` of the config file; ``gradient_figure`` draws it.

Reference: Nanda, Chan, Lieberum, Smith & Steinhardt (2023), Progress measures for grokking via mechanistic
interpretability, arXiv:2301.05217, section 5; Varma et al. (2023), arXiv:2309.02390 (efficiency).
"""

from gendyn.experiments.grokking.circuit_progress.claims import verdict as verdict
from gendyn.experiments.grokking.circuit_progress.drawing import figure as figure
from gendyn.experiments.grokking.circuit_progress.gradients import gradient_figure as gradient_figure
from gendyn.experiments.grokking.circuit_progress.gradients import gradient_spectra as gradient_spectra
