"""The chosen prior has the largest evidence near it, for each set of labels on its own."""

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression


def problem():
    random = np.random.default_rng(0)
    x = random.normal(size=(24, 2))
    return jnp.asarray(x), jnp.asarray(np.stack([(x[:, 0] > 0).astype(int), random.integers(2, size=24)]))


def test_each_set_of_labels_gets_the_prior_of_its_largest_evidence():
    covariance = regression.rbf().scaled() + regression.white(0.1)
    with jax.enable_x64(True):
        x, labels = problem()
        priors = regression.gp_label_priors(covariance, x, labels, num_classes=2, num_steps=150)
        assert all(leaf.shape[0] == 2 and leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(priors))
        for told, chosen in ((labels[i], jax.tree.map(lambda leaf, i=i: leaf[i], priors)) for i in range(2)):

            def evidence(params, told=told):
                return regression.gp_label_regression(covariance, params, x, told, 2).log_evidence

            best = float(evidence(chosen))
            assert best >= float(evidence(jax.tree.map(jnp.asarray, covariance.init())))
            for sign in (-0.3, 0.3):
                assert float(evidence(jax.tree.map(lambda leaf, by=sign: leaf + by, chosen))) <= best + 1e-3
        # Noise takes the random labels, and little of those that follow the inputs.
        noise = np.exp(np.asarray(priors["white"]["log_variance"]))
        assert noise[1] > 2 * noise[0]


def test_laplaces_prior_has_more_evidence_than_the_start():
    covariance = regression.rbf().scaled()
    with jax.enable_x64(True):
        x, labels = problem()
        chosen = regression.gp_laplace_prior(covariance, x, labels[0], num_steps=60)

        def evidence(params):
            return float(regression.gp_laplace(covariance, params, x, labels[0]).log_evidence)

        assert evidence(chosen) > evidence(jax.tree.map(jnp.asarray, covariance.init()))
