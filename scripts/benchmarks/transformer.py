"""One transformer of the published size (422,784 parameters, 4 tokens, batch 512), against PyTorch on the same cores.

PyTorch computes the network in plain modules, either as the published code does, at all positions in all layers, or
only what the last position's logits need; attention is its fused kernel or two products and a softmax; Adam is fused
or ``foreach``; threads are one or two. The best of its combinations counts, chosen anew in each measurement's process.
"""

import importlib.util
import itertools
import time
from collections.abc import Callable
from typing import Any

import jax
import ml_collections

import gendyn.sweep
from benchmarks import engine, fresh
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, median_wall, ratio

MODULUS, BATCH = 97, 512
TRIAL_STEPS, TORCH_STEPS = 4, 20
CORES = 2


def published() -> ml_collections.ConfigDict:
    """``x * y mod 97`` on half of the equations, with Adam: the published baseline."""
    config = gendyn.sweep.base_config(task="modular_arithmetic", model="transformer", optim="adam")
    config.task.modulus, config.task.operation, config.task.layout = MODULUS, "multiply", "equation"
    config.task.exclude_zero = True
    config.model.normalisation, config.model.num_positions = "overwriting", 5
    config.model.initialisation = "reference"
    config.optim.learning_rate, config.optim.b2 = 1e-3, 0.98
    config.data.train_fraction = 0.5
    config.train.batch_size, config.train.num_steps = BATCH, 1000
    config.record.kind, config.record.steps = "given", (1000,)
    return config


def torch_timing(threads: int, trial_steps: int, steps: int, last_only: bool) -> dict[str, Any]:
    """The least wall time of a step over the kinds of attention and of update; in a process where PyTorch is alone.

    Args:
        threads: of PyTorch.
        trial_steps: steps by which the combination is chosen.
        steps: steps timed with that combination.
        last_only: compute only what the last position's logits need, in the last layer.
    """
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as XLA does
    torch.manual_seed(0)

    class Block(torch.nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.norm_1, self.norm_2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
            self.project, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
            self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)
            self.heads = heads

        def forward(self, x: torch.Tensor, last: bool, fused: bool) -> torch.Tensor:
            x = self.norm_1(x)
            batch, length, width = x.shape
            size = width // self.heads
            if last:
                weight, bias = self.project.weight, self.project.bias
                query = functional.linear(x[:, -1:], weight[:width], bias[:width])
                key, value = functional.linear(x, weight[width:], bias[width:]).chunk(2, -1)
                x = x[:, -1:]
            else:
                query, key, value = self.project(x).chunk(3, -1)
            query, key, value = (z.view(batch, -1, self.heads, size).transpose(1, 2) for z in (query, key, value))
            if fused:
                mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=not last)
            else:
                scores = query @ key.transpose(-2, -1) * size**-0.5
                if not last:
                    scores = scores + torch.full((length, length), -torch.inf).triu(1)
                mixed = scores.softmax(-1) @ value
            x = x + self.out(mixed.transpose(1, 2).reshape(batch, -1, width))
            return x + self.down(functional.gelu(self.up(self.norm_2(x))))

    class Network(torch.nn.Module):
        def __init__(self, vocab: int, width: int) -> None:
            super().__init__()
            self.tokens, self.positions = torch.nn.Embedding(vocab, width), torch.nn.Embedding(5, width)
            self.blocks = torch.nn.ModuleList([Block(width, 4), Block(width, 4)])
            self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, vocab, bias=False)

        def forward(self, x: torch.Tensor, fused: bool) -> torch.Tensor:
            h = self.tokens(x) + self.positions.weight[: x.shape[1]]
            for layer, block in enumerate(self.blocks):
                h = block(h, last_only and layer == 1, fused)
            return self.head(self.norm(h[:, -1]))

    pairs = torch.cartesian_prod(torch.arange(MODULUS), torch.arange(1, MODULUS))
    order = torch.randperm(len(pairs))[: len(pairs) // 2]
    a, b = pairs[order].T
    x = torch.stack([a, torch.full_like(a, MODULUS + 1), b, torch.full_like(a, MODULUS)], 1)
    y = a * b % MODULUS
    # The data are shuffled once and batches are views: no time goes into the order.
    batches = list(zip(x.split(BATCH), y.split(BATCH), strict=True))[: len(y) // BATCH]

    def trainer(fused: bool, update: str) -> Callable[[int], tuple[float, float]]:
        network = Network(MODULUS + 2, 128)
        assert sum(p.numel() for p in network.parameters()) == 422_784
        optimizer = torch.optim.Adam(
            network.parameters(), lr=1e-3, betas=(0.9, 0.98), fused=update == "fused", foreach=update == "foreach"
        )

        def train(num_steps: int) -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.process_time()
            for count in range(num_steps):
                inputs, targets = batches[count % len(batches)]
                optimizer.zero_grad(set_to_none=True)
                functional.cross_entropy(network(inputs, fused), targets).backward()
                optimizer.step()
            return (time.perf_counter() - wall) / num_steps, (time.process_time() - cpu) / num_steps

        return train

    trials = {}
    for kind in itertools.product((True, False), ("fused", "foreach")):
        train = trainer(*kind)
        train(2)
        trials[kind] = train(trial_steps)[0], train
    kind = min(trials, key=lambda kind: trials[kind][0])
    wall, cpu = trials[kind][1](steps)
    return {"wall": wall, "cpu": cpu, "choice": f"{'fused' if kind[0] else 'plain'} attention, {kind[1]} Adam"}


def run(repeats: int) -> list[Row]:
    """The segment of a sweep of one run, on one device, and PyTorch in processes of its own."""
    ready = engine.prepare(published(), {"seed": (0,)}, devices=jax.local_devices()[:1])
    candidates = {"gendyn": engine.stepper(ready, seconds=2.0)}
    if importlib.util.find_spec("torch") is None:
        measured = alternate(candidates, repeats)
        note = "torch is not installed (pip install 'gendyn[bench]'): not compared"
        return [Row("gendyn", 1e3 * median_wall(measured["gendyn"]), unit="ms"), Row("PyTorch", note=note)]
    choices: dict[str, str] = {}
    for threads, last_only in itertools.product(range(1, CORES + 1), (False, True)):
        name = f"PyTorch, {'last position' if last_only else 'all positions'}, {threads} thread(s)"
        candidates[name] = _torch(name, choices, threads=threads, last_only=last_only)
    measured = alternate(candidates, repeats)
    ours = measured.pop("gendyn")
    rows = []
    for kind, at_least in (("all positions", 1.0), ("last position", 1.0)):
        best = min((name for name in measured if kind in name), key=lambda name: median_wall(measured[name]))
        note = f"{best.rpartition(', ')[2]}, {choices[best]}"
        rows.append(of_ratio(f"PyTorch, {kind} / gendyn", ratio(measured[best], ours), at_least=at_least, note=note))
    everything = {"gendyn": ours, **measured}
    return [*rows, *(Row(name, 1e3 * median_wall(found), unit="ms") for name, found in everything.items())]


def _torch(name: str, choices: dict[str, str], **arguments: Any) -> Callable[[], Timing]:
    def measure() -> Timing:
        found = fresh.call(
            "benchmarks.transformer:torch_timing", trial_steps=TRIAL_STEPS, steps=TORCH_STEPS, **arguments
        )
        choices[name] = found["choice"]
        return Timing(found["wall"], found["cpu"])

    return measure
