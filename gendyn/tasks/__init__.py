"""Data sets and problems as :class:`gendyn.types.Task`, one file each, and the three kinds of label noise."""

from gendyn.tasks._check_task import check_task as check_task
from gendyn.tasks._classes import select_classes as select_classes
from gendyn.tasks._corrupted_sample import CorruptedSample as CorruptedSample
from gendyn.tasks._corrupted_sample import corrupted_samples as corrupted_samples
from gendyn.tasks._label_noise import INDEPENDENT_NOISE_KINDS as INDEPENDENT_NOISE_KINDS
from gendyn.tasks._label_noise import LABEL_NOISE_KINDS as LABEL_NOISE_KINDS
from gendyn.tasks._label_noise import flip_exact as flip_exact
from gendyn.tasks._label_noise import label_probabilities as label_probabilities
from gendyn.tasks._label_noise import uniform_any as uniform_any
from gendyn.tasks._label_noise import uniform_incorrect as uniform_incorrect
from gendyn.tasks._one_hot_sample import one_hot_sample as one_hot_sample
from gendyn.tasks.cifar10 import cifar10 as cifar10
from gendyn.tasks.cifar100 import cifar100 as cifar100
from gendyn.tasks.digits import digits as digits
from gendyn.tasks.fashion_mnist import fashion_mnist as fashion_mnist
from gendyn.tasks.linear_teacher import linear_teacher as linear_teacher
from gendyn.tasks.mnist import mnist as mnist
from gendyn.tasks.mnist1d import mnist1d as mnist1d
from gendyn.tasks.mnist5k import mnist5k as mnist5k
from gendyn.tasks.modular_arithmetic import modular_arithmetic as modular_arithmetic
from gendyn.tasks.s5_composition import s5_composition as s5_composition
from gendyn.tasks.sparse_parity import sparse_parity as sparse_parity
from gendyn.tasks.tanh_teacher import tanh_teacher as tanh_teacher
from gendyn.tasks.teacher_student import teacher_student as teacher_student
