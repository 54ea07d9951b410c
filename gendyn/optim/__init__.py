"""Gradient transforms, gradient filters, projections, losses and schedules; useful without the rest of gendyn."""

from gendyn.optim.filters.butterworth import butterworth as butterworth
from gendyn.optim.filters.egalitarian_gradient import egalitarian_gradient as egalitarian_gradient
from gendyn.optim.filters.gradient_split import gradient_split as gradient_split
from gendyn.optim.filters.grokfast_ema import grokfast_ema as grokfast_ema
from gendyn.optim.filters.grokfast_ma import grokfast_ma as grokfast_ma
from gendyn.optim.filters.identity import identity as identity
from gendyn.optim.filters.kalman import kalman as kalman
from gendyn.optim.filters.linear_filter import linear_filter as linear_filter
from gendyn.optim.filters.orthogonal_gradient import orthogonal_gradient as orthogonal_gradient
from gendyn.optim.frequency_response import frequency_response as frequency_response
from gendyn.optim.frequency_response import half_power_frequency as half_power_frequency
from gendyn.optim.gate import gate as gate
from gendyn.optim.jacobian_norm import jacobian_norm as jacobian_norm
from gendyn.optim.learning_rate import LearningRate as LearningRate
from gendyn.optim.losses.cross_entropy import cross_entropy as cross_entropy
from gendyn.optim.losses.cross_entropy_bfloat16 import cross_entropy_bfloat16 as cross_entropy_bfloat16
from gendyn.optim.losses.cross_entropy_float16 import cross_entropy_float16 as cross_entropy_float16
from gendyn.optim.losses.cross_entropy_float64 import cross_entropy_float64 as cross_entropy_float64
from gendyn.optim.losses.squared_error import squared_error as squared_error
from gendyn.optim.losses.stablemax_cross_entropy import stablemax_cross_entropy as stablemax_cross_entropy
from gendyn.optim.losses.stablemax_cross_entropy import (
    stablemax_cross_entropy_with_integer_labels as stablemax_cross_entropy_with_integer_labels,
)
from gendyn.optim.optimizers.adagrad import adagrad as adagrad
from gendyn.optim.optimizers.adam import adam as adam
from gendyn.optim.optimizers.adamw import adamw as adamw
from gendyn.optim.optimizers.lion import lion as lion
from gendyn.optim.optimizers.muon import muon as muon
from gendyn.optim.optimizers.rmsprop import rmsprop as rmsprop
from gendyn.optim.optimizers.sgd import sgd as sgd
from gendyn.optim.projections.project_norm import project_norm as project_norm
from gendyn.optim.schedules import SCHEDULES as SCHEDULES
from gendyn.optim.schedules import constant as constant
from gendyn.optim.schedules import cosine as cosine
from gendyn.optim.schedules import inverse_sqrt as inverse_sqrt
from gendyn.optim.schedules import linear as linear
from gendyn.optim.schedules import schedule as schedule
from gendyn.optim.schedules import warmup as warmup
from gendyn.optim.wrappers import keep_dtypes as keep_dtypes
from gendyn.optim.wrappers import scale_updates as scale_updates
