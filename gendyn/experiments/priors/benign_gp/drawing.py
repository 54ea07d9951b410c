"""The figure of ``benign_gp``."""

import math

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.priors.benign_gp.tables import ANY, CHOSEN, FIXED, INCORRECT, left_out, rates_of, redraws
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Accuracy and evidence under a fixed prior, accuracy under a chosen one; left-out labels; Laplace's."""
    config, (rates, _, count), (told, exact) = config_of(ds), rates_of(ds), left_out(ds)
    train, test, evidence, expected = redraws(ds, "train_accuracy", "test_accuracy", "evidence", "expected_evidence")
    fitted, right, laplace = redraws(ds, "laplace_train_accuracy", "laplace_test_accuracy", "laplace_evidence")
    nearest = (1 - rates) * test[ANY, :, 0, FIXED].mean() + rates / count
    chance, toss = np.full_like(rates, 0.5), np.full_like(rates, -math.log(2.0))
    purple, coins, labels = "#AA4499", "tossing coins", "training labels"
    kinds = (("any class", ANY, style.TEST), ("another class", INCORRECT, style.MEASURED))

    def by_kind(rows: np.ndarray, forms: np.ndarray) -> list[Curve]:
        return [Curve(name, rates, rows[kind], rates, forms[kind].mean(axis=0), colour) for name, kind, colour in kinds]

    one_prior = (
        Curve(labels, rates, train[ANY, ..., FIXED], colour=style.TRAIN),
        Curve("test", rates, test[ANY, ..., FIXED], rates, nearest, style.TEST, exact_label="1 neighbour"),
        Curve("test, another class", rates, test[INCORRECT, ..., FIXED], colour=style.MEASURED),
    )
    chosen = (
        Curve(labels, rates, train[ANY, ..., CHOSEN], colour=style.TRAIN),
        Curve("test", rates, test[ANY, ..., CHOSEN], colour=style.TEST),
        Curve("test, one prior", rates, test[ANY, ..., FIXED], colour=style.GREY),
    )
    of_two = (
        Curve(labels, rates, fitted[ANY], colour=style.TRAIN),
        Curve("test", rates, right[ANY], rates, chance, style.TEST, exact_label=coins),
    )
    told_by = Curve("prior chosen at each level", rates, evidence[ANY, ..., CHOSEN], colour=purple)
    evidences = (*by_kind(evidence[..., FIXED], expected[..., FIXED]), told_by)
    against_coins = (Curve("Laplace's", rates, laplace[ANY], rates, toss, purple, exact_label=coins),)
    title, share = f"Laplace's classifier, {' and '.join(map(str, config['binary_classes']))}", (-0.02, 1.05)
    unit, given = "log evidence per image (nats)", "accuracy on labels as given"
    shown = [
        Panel(title, "corruption of training labels", y_label, tuple(curves), y_limits=limits, legend="lower left")
        for title, y_label, curves, limits in (
            ("One prior: noise is memorised", "accuracy", one_prior, share),
            ("The evidence tells", unit, evidences, None),
            ("Prior chosen by the evidence", "accuracy", chosen, share),
            ("Left-out labels, from corrupted data", given, by_kind(told, exact), share),
            (title, "accuracy", of_two, (0.3, 1.03)),
            ("Its evidence against coins", unit, against_coins, None),
        )
    ]
    images = f"{config['num_train']:,} images of {config['data']}, {config['num_binary']:,} of the two classes"
    return draw_panels(shown, height=3.6, note=f"{train.shape[1]} redraws of {images}; float64")
