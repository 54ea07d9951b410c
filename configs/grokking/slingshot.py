"""Slingshots: optimizer x epsilon x precision of the loss x seed, without weight decay, full batch."""

from gendyn.sweep import Variants, base_config, vary
from gendyn.types import Config

EPSILONS = {"Adam": (1e-8, 1e-6, 1e-5, 1e-4, 1e-3), "RMSProp": (1e-8, 1e-6, 1e-4)}
PRECISIONS = {"": "cross_entropy", ", float64": "cross_entropy_float64"}
LOSSES = ("cross_entropy_float16", "cross_entropy_bfloat16", "stablemax_cross_entropy")
PROBES = ("last_layer_norm(path='readout')", "logit_scale")

Arm = tuple[str, tuple[tuple[str, object], ...]]


def perceptron() -> Config:
    """Addition modulo 23, 80 % of the pairs, another 80 % for every seed, one hidden layer of 64 ReLU units on a shared
    table, 10,000 steps, 401 records. 21 arms x 8 seeds: Adam at five epsilons and RMSProp at three, each with the loss
    in float32 and in float64; Adam at the smallest epsilon with three other losses; Adagrad; SGD with momentum 0.9.
    AdamW is Adam where nothing decays. Adam and RMSProp have learning rate 0.01 and b2 = 0.98 (trials of Adam with two
    hidden layers had no cycle in 12,000 steps at 0.999). By trials, SGD's learning rate is 3 (of 1, 3, 10 and 30 the
    largest at which training is stable) and Adagrad's 0.3 (of 0.01, 0.03, 0.1, 0.3 and 1 the one with the lowest loss;
    two seeds each, no cycle at any; at 1 it does not train).
    """
    config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adam")
    config.task.modulus = 23
    config.data.train_fraction = 0.8
    config.model.update({"width": 64, "depth": 1, "embedding_size": 0})
    config.optim.learning_rate = 1e-2
    config.train.update({"num_steps": 10_000, "batch_size": 0})
    config.record.update({"kind": "linear", "num_records": 401})
    config.probes, config.arms = PROBES, _arms(adagrad_rate=0.3, descent_rate=3.0)
    vary(config, {"arm": dict(config.arms)}, range(8), own="task.seed")
    return config


def full() -> Config:
    """For a GPU: addition modulo 97, half of the pairs, batches of 512, the decoder of Power et al. (2022; two layers
    with layer norms after, width 128, four heads, no biases) with learned positions, Adam and RMSProp at learning rate
    0.001 and ten steps of warm-up, 100,000 steps with a record every 100; the same 21 arms x 8 seeds on one split, so
    that all runs of one optimizer and one loss pack. Only its first 250 steps have been tried, and so the learning
    rates of gradient descent, 0.1, and of Adagrad (0.01: of 0.01, 0.03 and 0.1 the quickest in these steps) are
    guesses.
    """
    config = base_config(task="modular_arithmetic", model="transformer", optim="adam")
    config.task.update({"modulus": 97, "layout": "equation"})
    published = {"activation": "relu", "normalisation": "post", "final_norm": False}
    config.model.update({**published, "attention_bias": False, "mlp_bias": False})
    config.data.train_fraction = 0.5
    config.optim.learning_rate = 1e-3
    config.schedule.warmup_steps = 10
    config.train.update({"num_steps": 100_000, "batch_size": 512})
    config.record.update({"kind": "linear", "num_records": 1001})
    config.probes, config.arms = PROBES, _arms(adagrad_rate=0.01, descent_rate=0.1)
    vary(config, {"arm": dict(config.arms)}, range(8))
    return config


def smoke() -> Config:
    """Seconds: modulus 7, six arms, two seeds, 300 steps. Its findings mean nothing."""
    config = perceptron()
    config.task.modulus = 7
    config.model.width = 16
    config.train.num_steps = 300
    config.record.num_records = 31
    chosen = ("Adam, 1e-8", "Adam, 1e-3", "Adam, 1e-8, float64", "RMSProp, 1e-8", "Adagrad", "SGD, momentum")
    vary(config, {"arm": chosen}, range(2), own="task.seed")
    return config


def _arms(*, adagrad_rate: float, descent_rate: float) -> tuple[Arm, ...]:
    """Epsilon x precision for Adam and RMSProp, Adam at its smallest epsilon with other losses, Adagrad and SGD."""
    adam, rmsprop = (
        [_adaptive(name, epsilon, ending, loss) for ending, loss in PRECISIONS.items() for epsilon in epsilons]
        for name, epsilons in EPSILONS.items()
    )
    for loss in LOSSES:
        ending = loss.replace("cross_entropy", "").strip("_")
        adam.append(_adaptive("Adam", EPSILONS["Adam"][0], f", {ending}", loss))
    adagrad = (("optim.name", "adagrad"), ("optim.learning_rate", adagrad_rate), ("optim.eps", 1e-10))
    descent = (("optim.name", "sgd"), ("optim.learning_rate", descent_rate))
    return (*adam, *rmsprop, ("Adagrad", adagrad), ("SGD, momentum", descent))


def _adaptive(name: str, epsilon: float, ending: str, loss: str) -> Arm:
    leaves = (("optim.name", name.lower()), ("optim.b2", 0.98), ("optim.eps", epsilon), ("loss", loss))
    return f"{name}, {epsilon:.0e}{ending}".replace("e-0", "e-"), leaves


get_config = Variants("slingshot", perceptron, full, smoke)
