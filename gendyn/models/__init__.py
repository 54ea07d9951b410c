"""Networks as flax.linen modules whose width can be padded, and adapters for networks of any other make."""

from gendyn.models._adapters import as_model, from_flax, from_functions, from_nnx, parameter_count
from gendyn.models.antisymmetric_mlp import antisymmetric_mlp
from gendyn.models.cnn import cnn
from gendyn.models.embedding_mlp import embedding_mlp
from gendyn.models.lstm import lstm
from gendyn.models.mlp import mlp
from gendyn.models.quadratic_mlp import quadratic_mlp
from gendyn.models.resnet18 import resnet18
from gendyn.models.transformer import transformer

__all__ = [
    "antisymmetric_mlp",
    "as_model",
    "cnn",
    "embedding_mlp",
    "from_flax",
    "from_functions",
    "from_nnx",
    "lstm",
    "mlp",
    "parameter_count",
    "quadratic_mlp",
    "resnet18",
    "transformer",
]
