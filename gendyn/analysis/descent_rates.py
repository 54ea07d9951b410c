"""How fast gradient descent learns each mode of a quadratic loss, from the modes' residuals along training."""

import numpy as np


def descent_rates(
    steps: np.ndarray, residuals: np.ndarray, predicted: np.ndarray, *, learning_rate: float, fit_decay: float = 2.0
) -> np.ndarray:
    """Rates ``a`` of residuals that decay as ``(1 - learning_rate a)^step``, ``[S, T, K] -> [S, K]``.

    ``(1 - exp(slope)) / learning_rate``, of the slope of the log residual on the step, by least squares through the
    start; not the exponential's ``-slope / learning_rate``, which is larger.

    Args:
        steps: ``[T]``.
        residuals: ``[S, T, K]``, relative to those at step 0, positive.
        predicted: ``[K]``, the rates to expect: records are used while the residual they predict is above
            ``exp(-fit_decay)``, for later other modes leak in. Where one is 0 all records are used.
        learning_rate: times each of ``predicted`` below 1.
        fit_decay: positive.

    Returns:
        NaN where no record after step 0 is used.

    >>> steps, rates = np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.1])
    >>> descent_rates(steps, (1.0 - 2.0 * rates) ** steps[None, :, None], rates, learning_rate=2.0).round(12).tolist()
    [[0.25, 0.1]]
    """
    # log1p(-...) is the predicted slope.
    used = -np.log1p(-learning_rate * predicted) * steps[:, None] <= fit_decay
    weights = np.where(used, steps[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(used, np.log(residuals), 0.0)
        slopes = np.einsum("tk,stk->sk", weights, logs) / np.sum(weights**2, axis=0)
    return np.asarray(-np.expm1(slopes) / learning_rate)
