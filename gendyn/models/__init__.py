"""Networks as flax.linen modules whose width can be padded, and adapters for networks of any other make."""

from gendyn.models._adapters import as_model as as_model
from gendyn.models._adapters import from_functions as from_functions
from gendyn.models._adapters import parameter_count as parameter_count
from gendyn.models._flax import from_flax as from_flax
from gendyn.models._nnx import from_nnx as from_nnx
from gendyn.models.antisymmetric_mlp import antisymmetric_mlp as antisymmetric_mlp
from gendyn.models.cnn import cnn as cnn
from gendyn.models.embedding_mlp import embedding_mlp as embedding_mlp
from gendyn.models.lstm import lstm as lstm
from gendyn.models.mlp import mlp as mlp
from gendyn.models.quadratic_mlp import quadratic_mlp as quadratic_mlp
from gendyn.models.resnet18 import resnet18 as resnet18
from gendyn.models.transformer import transformer as transformer
