"""The PyTorch peers: ``pyhessian_hvp``, ``pyhessian_lanczos64``, ``curvlinops_top10``, ``eigenthings_lanczos64``."""

import sys
import warnings

from server import pin, serve

case, path, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
pin(cores)
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(cores)
torch.set_flush_denormal(True)  # as XLA does
torch.manual_seed(0)
arrays = np.load(path)
x, y = torch.tensor(arrays["x"]), torch.tensor(arrays["y"]).long()
net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
with torch.no_grad():
    for layer, module in enumerate((net[0], net[2], net[4])):
        module.weight.copy_(torch.tensor(arrays[f"W{layer}"]).T)
        module.bias.copy_(torch.tensor(arrays[f"b{layer}"]))
loss = nn.CrossEntropyLoss()
library, task = case.split("_")

if library == "pyhessian":

    def symmetric_eig(matrix, eigenvectors=True):
        """PyHessian 0.1 calls ``torch.eig``, which torch removed; its matrix is symmetric."""
        values, vectors = torch.linalg.eigh(matrix)
        return torch.stack([values, torch.zeros_like(values)], 1), vectors

    torch.eig = symmetric_eig
    from pyhessian import hessian
    from pyhessian.utils import hessian_vector_product

    problem = hessian(net, loss, data=(x, y), cuda=False)
    vector = [torch.randn_like(p) for p in problem.params]
    work = {
        "hvp": lambda: hessian_vector_product(problem.gradsH, problem.params, vector),
        "lanczos64": lambda: problem.density(iter=64, n_v=1),
    }[task]
    serve(work)
elif library == "curvlinops":
    from curvlinops import HessianLinearOperator
    from scipy.sparse.linalg import LinearOperator, eigsh

    operator = HessianLinearOperator(net, loss, list(net.parameters()), [(x, y)], check_deterministic=False)
    inner, count = operator.to_scipy(), [0]

    def product(v):
        count[0] += 1
        return inner @ v

    def top():
        count[0] = 0
        counted = LinearOperator(inner.shape, matvec=product, dtype=inner.dtype)
        return eigsh(counted, k=10, which="LM", tol=1e-3, return_eigenvectors=False)

    serve(top, lambda values: {"values": sorted(values.tolist()), "matvecs": count[0]}, warm_up=False)
else:
    from hessian_eigenthings import HessianOperator, lanczos_tridiagonal, supervised_loss

    things, start = (
        HessianOperator(net, [(x, y)], supervised_loss(loss)),
        torch.randn(sum(p.numel() for p in net.parameters())),
    )
    serve(lambda: lanczos_tridiagonal(things, start, 64, reorthogonalize=True), warm_up=False)
