"""Grokking: at which train fraction and weight decay does a network never generalise, generalise late, or at once?

Claim: A network that knows all its training equations of modular arithmetic learns the others much later (grokking),
but only between two regimes: with little weight decay or few equations it never does within the budget, with much of
both at once. The time to generalise falls with the train fraction and with the weight decay.

Refuted if: at the middle train fraction and weight decay the median ratio of the test to the training crossing of 95 %
is below 2, or fewer than half of the seeds generalise; Kendall's rank correlation between the time to generalise and
the train fraction, or the weight decay, is not below 0; half of the seeds generalise without weight decay. Runs that
diverge, or that the budget cuts off, are later than all others and tie with each other.

Setting: each seed draws its own initial weights and its own split of the equations.

Reference: Power, Burda, Edwards, Babuschkin & Misra (2022), Grokking, arXiv:2201.02177, figures 1 and 2; Liu et al.
(2022), Towards understanding grokking, arXiv:2205.10343 (phases); Gromov (2023), arXiv:2301.02679 (quadratic network).
"""

from gendyn.experiments.grokking.grokking.claims import verdict as verdict
from gendyn.experiments.grokking.grokking.drawing import figure as figure
