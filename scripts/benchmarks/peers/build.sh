#!/usr/bin/env bash
# Builds the peers' two environments (Python 3.11) in the folder given, for: GENDYN_PEERS=folder scripts/bench.py --only=curvature
set -euo pipefail
folder=${1:?usage: build.sh FOLDER}
mkdir -p "$folder"
if [ ! -d "$folder/venv-torch" ]; then
  python3.11 -m venv "$folder/venv-torch"
  # torch is pinned on every line and torchvision left out: backpack's torchvision would pull in another torch.
  "$folder/venv-torch/bin/pip" -q install torch==2.13.0 numpy scipy tqdm einops einconv linear_operator "opt-einsum>=3.4"
  "$folder/venv-torch/bin/pip" -q install --no-deps pyhessian==0.1 curvlinops-for-pytorch==3.0.1 \
    hessian-eigenthings==1.0.0a5 backpack-for-pytorch==1.7.1 unfoldNd
fi
if [ ! -d "$folder/venv-nt" ]; then
  python3.11 -m venv "$folder/venv-nt"
  "$folder/venv-nt/bin/pip" -q install jax==0.4.23 jaxlib==0.4.23 "numpy<2" "scipy<1.13" "ml_dtypes<0.5" frozendict
  "$folder/venv-nt/bin/pip" -q install --no-deps neural-tangents==0.6.5
fi
