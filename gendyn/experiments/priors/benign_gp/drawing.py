"""The figure of ``benign_gp``."""

import math
from typing import Any

import numpy as np

from gendyn.analysis import config_of, recorded_tables
from gendyn.experiments.priors.benign_gp.controls import FEW_MODELS
from gendyn.experiments.priors.benign_gp.program import AXES
from gendyn.experiments.priors.benign_gp.tables import ANY, CHOSEN, FIXED, INCORRECT, rates_of
from gendyn.plots import Curve, Panel, curve_family, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Accuracy and evidence under a fixed prior, accuracy under a chosen one; few images; Laplace's."""
    config, (rates, _, count) = config_of(ds), rates_of(ds)
    found = recorded_tables(ds, AXES)
    train, test, evidence = found["train_accuracy"], found["test_accuracy"], found["evidence"]
    nearest = (1 - rates) * test[:, ANY, 0, FIXED].mean() + rates / count
    chance, toss = np.full_like(rates, 0.5), np.full_like(rates, -math.log(2.0))
    purple, coins, labels = "#AA4499", "tossing coins", "training labels"
    kinds = (("any class", ANY, style.TEST), ("another class", INCORRECT, style.MEASURED))

    def curve(
        label: str, table: np.ndarray, colour: str, kind: int = ANY, law: Any = None, exact_label: str = ""
    ) -> Curve:
        known = {} if law is None else {"exact_x": rates, "exact": law, "exact_label": exact_label}
        return Curve(label, rates, table[:, kind], colour=colour, **known)

    def by_kind(table: np.ndarray, law: np.ndarray) -> list[Curve]:
        return [curve(name, table, colour, kind, law[:, kind].mean(axis=0)) for name, kind, colour in kinds]

    ends = Curve(
        "test, scrambled",
        rates[[0, -1]],
        found["scrambled_test_accuracy"][:, ANY],
        colour=purple,
        line="none",
        marker="s",
    )
    one_prior = (
        curve(labels, train[..., FIXED], style.TRAIN),
        curve("test", test[..., FIXED], style.TEST, law=nearest, exact_label="1 neighbour"),
        ends,
    )
    few = curve_family(FEW_MODELS, np.array(config["few"]), np.swapaxes(found["few_accuracy"][:, ANY], 1, 2))
    chosen = (
        curve(labels, train[..., CHOSEN], style.TRAIN),
        curve("test", test[..., CHOSEN], style.TEST),
        curve("test, one prior", test[..., FIXED], style.GREY),
    )
    of_two = (
        curve(labels, found["laplace_train_accuracy"], style.TRAIN),
        curve("test", found["laplace_test_accuracy"], style.TEST, law=chance, exact_label=coins),
    )
    told_by = curve("prior chosen by level", evidence[..., CHOSEN], purple)
    evidences = (*by_kind(evidence[..., FIXED], found["expected_evidence"][..., FIXED]), told_by)
    against_coins = (curve("Laplace's", found["laplace_evidence"], purple, law=toss, exact_label=coins),)
    title, share = f"Laplace's classifier, {' and '.join(map(str, config['binary_classes']))}", (-0.02, 1.05)
    unit, corruption, many = "log evidence per image (nats)", "corruption of training labels", "training images"
    shown = [
        Panel(title, corruption, y_label, tuple(curves), y_limits=limits, legend="lower left")
        for title, y_label, curves, limits in (
            ("One prior: noise is memorised", "accuracy", one_prior, share),
            ("The evidence tells", unit, evidences, None),
            ("Prior chosen by the evidence", "accuracy", chosen, share),
            (title, "accuracy", of_two, (0.47, 1.03)),
            ("Its evidence against coins", unit, against_coins, None),
        )
    ]
    shown[0], shown[3] = shown[0]._replace(legend="lower center"), shown[3]._replace(legend="center left")
    shown.insert(3, Panel("Few images, true labels", many, "test accuracy", few, legend="lower right"))
    images = f"{config['num_train']:,} images of {config['data']}, {config['num_binary']:,} of the two classes"
    note = f"{len(train)} redraws of {images}; float64\nscrambled: the pixels of each image in an order of its own"
    return draw_panels(shown, height=3.6, note=note)
