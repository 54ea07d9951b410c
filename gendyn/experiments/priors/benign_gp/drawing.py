"""The figure of ``benign_gp``."""

import math
from typing import Any

import numpy as np

from gendyn.analysis import config_of
from gendyn.experiments.priors.benign_gp.tables import ANY, CHOSEN, FIXED, INCORRECT, identity, rates_of, redraws
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure

_PURPLE = "#AA4499"
_NAMES = ("any class", "another class")


def figure(ds: Dataset) -> Figure:
    """Accuracy and evidence under a fixed prior, accuracy under a chosen one; left-out labels; Laplace's."""
    config, (rates, _, count) = config_of(ds), rates_of(ds)
    train, test, evidence = (redraws(ds, name) for name in ("train_accuracy", "test_accuracy", "evidence"))
    told, exact = redraws(ds, "left_out_told")[..., FIXED], identity(ds)
    expected = redraws(ds, "expected_evidence")[..., FIXED].mean(axis=1)
    nearest = (1 - rates) * test[ANY, :, 0, FIXED].mean() + rates / count
    fitted, right, laplace = (
        redraws(ds, f"laplace_{name}")[ANY] for name in ("train_accuracy", "test_accuracy", "evidence")
    )
    chance, toss = np.full_like(rates, 0.5), np.full_like(rates, -math.log(2.0))
    colours, coins = (style.TEST, style.MEASURED), "tossing coins"
    unit, share = "log evidence per image (nats)", {"y_limits": (-0.02, 1.05)}
    pair = " and ".join(str(each) for each in config["binary_classes"])

    def panel(title: str, y_label: str, *curves: Curve, **settings: Any) -> Panel:
        return Panel(title, "corruption of training labels", y_label, curves)._replace(**settings)

    panels = [
        panel(
            "One prior: noise is memorised",
            "accuracy",
            Curve("training labels", rates, train[ANY, ..., FIXED], colour=style.TRAIN),
            Curve("test", rates, test[ANY, ..., FIXED], rates, nearest, style.TEST, exact_label="1 neighbour"),
            Curve("test, another class", rates, test[INCORRECT, ..., FIXED], colour=style.MEASURED),
            legend="lower left",
            **share,
        ),
        panel(
            "The evidence tells",
            unit,
            *(
                Curve(_NAMES[kind], rates, evidence[kind, ..., FIXED], rates, expected[kind], colours[kind])
                for kind in (ANY, INCORRECT)
            ),
            Curve("prior chosen at each level", rates, evidence[ANY, ..., CHOSEN], colour=_PURPLE),
            legend="lower left",
        ),
        panel(
            "Prior chosen by the evidence",
            "accuracy",
            Curve("training labels", rates, train[ANY, ..., CHOSEN], colour=style.TRAIN),
            Curve("test", rates, test[ANY, ..., CHOSEN], colour=style.TEST),
            Curve("test, one prior", rates, test[ANY, ..., FIXED], colour=style.GREY),
            legend="lower left",
            **share,
        ),
        panel(
            "Left-out labels, from corrupted data",
            "accuracy on labels as given",
            *(
                Curve(_NAMES[kind], rates, told[kind], rates, exact[kind].mean(axis=0), colours[kind])
                for kind in (ANY, INCORRECT)
            ),
            **share,
        ),
        panel(
            f"Laplace's classifier, {pair}",
            "accuracy",
            Curve("training labels", rates, fitted, colour=style.TRAIN),
            Curve("test", rates, right, rates, chance, style.TEST, exact_label=coins),
            y_limits=(0.3, 1.03),
            legend="lower left",
        ),
        panel(
            "Its evidence against coins",
            unit,
            Curve("Laplace's", rates, laplace, rates, toss, _PURPLE, exact_label=coins),
        ),
    ]
    note = (
        f"{train.shape[1]} redraws of {config['num_train']:,} images of {config['data']}, {config['num_binary']:,} of "
        "the two classes; float64"
    )
    return draw_panels(panels, height=3.6, note=note)
