"""Modular arithmetic and permutations: every equation, exactly once, with the right answer."""

import itertools
import math

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import modular_arithmetic, s5_composition
from gendyn.tasks.modular_arithmetic import OPERATIONS
from gendyn.tasks.s5_composition import OPERATIONS as GROUP_OPERATIONS

PRIMES = (2, 3, 7, 11, 97)


def divided(x, y, p):
    """By search: the one residue that gives back ``x``."""
    (found,) = [c for c in range(p) if c * y % p == x]
    return found


# In Python's integers, equation by equation.
FORMULAS = {
    "add": lambda x, y, p: x + y,
    "subtract": lambda x, y, p: x - y,
    "multiply": lambda x, y, p: x * y,
    "divide": divided,
    "square_plus": lambda x, y, p: x * x + y,
    "cube_plus": lambda x, y, p: x * x * x + y,
    "sum_of_squares": lambda x, y, p: x * x + y * y,
    "quadratic_form": lambda x, y, p: x * x + x * y + y * y,
    "quadratic_form_plus": lambda x, y, p: x * x + x * y + y * y + x,
    "cube_plus_product": lambda x, y, p: x * x * x + x * y,
    "cube_plus_square_product": lambda x, y, p: x * x * x + x * y * y + y,
    "divide_or_subtract": lambda x, y, p: divided(x, y, p) if y % 2 else x - y,
    "add_or_multiply": lambda x, y, p: x * y if x % 2 else x + y,
    "add_or_subtract": lambda x, y, p: x - y if x % 2 else x + y,
    "power": pow,
    "gcd": lambda x, y, p: math.gcd(x, y),
}


def table(task):
    """``(first token, second token) -> answer`` of a task of layout pair."""
    found = {tuple(pair): answer for pair, answer in zip(task.x_train.tolist(), task.y_train.tolist(), strict=True)}
    assert len(found) == len(task.x_train)
    return found


def test_every_operation_has_a_formula_here():
    assert OPERATIONS.keys() == FORMULAS.keys()


@pytest.mark.parametrize("operation", FORMULAS)
def test_every_equation_holds(operation):
    for modulus in (2, 3, 11):
        found = table(modular_arithmetic(modulus=modulus, operation=operation))
        seconds = range(1 if operation == "divide" else 0, modulus)
        pairs = itertools.product(range(modulus), seconds)
        assert found == {(x, y): FORMULAS[operation](x, y, modulus) % modulus for x, y in pairs}


def test_the_published_counts():
    count = lambda **kwargs: len(modular_arithmetic(**kwargs).x_train)  # noqa: E731
    assert count(modulus=97) == 9409
    assert count(modulus=97, operation="divide") == 97 * 96
    # The multiplication on which Grokfast was published.
    assert count(modulus=97, operation="multiply", exclude_zero=True) == 9312
    assert count(modulus=97, operation="divide", exclude_zero=True) == 9312
    assert count(modulus=113) == 12769
    assert len(s5_composition().x_train) == 14400
    for modulus in PRIMES:
        for operation in OPERATIONS:
            assert count(modulus=modulus, operation=operation) == modulus * (modulus - (operation == "divide"))


def test_division_is_in_the_field_and_not_of_integers():
    found = table(modular_arithmetic(modulus=97, operation="divide"))
    assert found[(1, 2)] == 49 and found[(7, 1)] == 7 and found[(0, 5)] == 0
    assert all(answer * y % 97 == x for (x, y), answer in found.items())
    integer_quotients = sum(answer == x // y for (x, y), answer in found.items())
    assert integer_quotients < len(found) / 10


@pytest.mark.parametrize("operation", ["power", "gcd"])
def test_powers_and_divisors_of_every_pair_at_large_primes(operation):
    """Where ``x**y`` overflows 64 bits: as 96^96 does."""
    for modulus in (97, 257):
        found = table(modular_arithmetic(modulus=modulus, operation=operation))
        assert found == {pair: FORMULAS[operation](*pair, modulus) for pair in np.ndindex(modulus, modulus)}
        assert set(found.values()) == set(range(modulus))
    assert found[(0, 0)] == (1 if operation == "power" else 0) and found[(5, 0)] == (1 if operation == "power" else 5)
    without_zero = table(modular_arithmetic(modulus=97, operation=operation, exclude_zero=True))
    assert len(without_zero) == 97 * 96
    assert set(range(97)) - set(without_zero.values()) == (set() if operation == "power" else {0})


@pytest.mark.parametrize(("layout", "sequence"), [("pair", [3, 4]), ("equals", [3, 4, 5]), ("equation", [3, 6, 4, 5])])
def test_layouts(layout, sequence):
    task = modular_arithmetic(modulus=5, layout=layout)
    row = task.x_train.tolist().index(sequence)
    assert task.y_train[row] == 2
    assert task.num_outputs == 5 + len(sequence) - 2
    assert task.x_train.max() < task.num_outputs and task.y_train.max() == 4
    # The order does not depend on the layout.
    pairs = modular_arithmetic(modulus=5).x_train
    np.testing.assert_array_equal(task.x_train[:, [0, 2 if layout == "equation" else 1]], pairs)


def test_the_order_is_a_uniform_permutation():
    """Where a prefix of half the equations falls: hypergeometric over answers, unlike a stratified order."""
    counts = []
    for seed in range(200):
        task = modular_arithmetic(modulus=11, seed=seed)
        counts.append(np.bincount(task.y_train[:60], minlength=11))
    # 11 equations have each answer; 60 of 121 are drawn.
    share = 60 / 121
    variance = 11 * share * (1 - share) * (121 - 11) / (121 - 1)
    found = np.array(counts)
    assert abs(found.mean() - 11 * share) < 1e-9
    assert found.var() == pytest.approx(variance, rel=0.12)
    # Every equation is trained on equally often.
    appearances = np.zeros(121)
    for seed in range(200):
        appearances[modular_arithmetic(modulus=11, seed=seed).x_train[:60] @ [11, 1]] += 1
    assert np.abs(appearances - 200 * share).max() < 5 * np.sqrt(200 * share * (1 - share))


def test_equations_that_are_trained_on_are_not_tested():
    task = modular_arithmetic(modulus=7)
    assert task.rest_is_test
    codes = task.x_train @ [7, 1]
    assert set(codes[:20]).isdisjoint(codes[20:]) and len(set(codes)) == 49


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"modulus": 91}, r"^modulus = 91 must be a prime.*; 89 is one"),
        ({"modulus": 1}, r"^modulus = 1 must be an integer of at least 2"),
        ({"modulus": 97.0}, r"^modulus = 97\.0 must be an integer"),
        ({"modulus": 4099}, r"^modulus = 4099 must be at most 4096"),
        ({"operation": "ad"}, r"^operation = 'ad' must be one of .* Did you mean 'add'"),
        ({"layout": "pairs"}, r"^layout = 'pairs' must be one of pair, equals, equation"),
        ({"seed": -1}, r"^seed = -1 must be an integer of at least 0"),
    ],
)
def test_bad_arguments_of_modular_arithmetic(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        modular_arithmetic(**kwargs)


def products(degree):
    """Tokens and the group's product on tokens, from the definition."""
    group = list(itertools.permutations(range(degree)))
    rank = {permutation: token for token, permutation in enumerate(group)}
    return group, lambda a, b: rank[tuple(group[a][group[b][i]] for i in range(degree))]


@pytest.mark.parametrize("operation", GROUP_OPERATIONS)
def test_every_product_of_permutations(operation):
    group, product = products(4)
    inverse = {a: next(b for b in range(24) if product(a, b) == 0) for a in range(24)}
    by_hand = {
        "compose": product,
        "conjugate": lambda a, b: product(product(a, b), inverse[a]),
        "aba": lambda a, b: product(product(a, b), a),
    }[operation]
    found = table(s5_composition(operation=operation, degree=4))
    assert found == {(a, b): by_hand(a, b) for a in range(len(group)) for b in range(len(group))}


def test_composition_is_a_latin_square_and_conjugation_keeps_the_cycle_type():
    square = np.full((120, 120), -1)
    task = s5_composition()
    square[tuple(task.x_train.T)] = task.y_train
    assert (np.sort(square, axis=0) == np.arange(120)[:, None]).all()
    assert (np.sort(square, axis=1) == np.arange(120)).all()
    assert (square != square.T).any(), "S5 does not commute"
    fixed_points = np.array([sum(p[i] == i for i in range(5)) for p in itertools.permutations(range(5))])
    conjugates = s5_composition(operation="conjugate")
    np.testing.assert_array_equal(fixed_points[conjugates.y_train], fixed_points[conjugates.x_train[:, 1]])


def test_layouts_and_bad_arguments_of_permutations():
    task = s5_composition(degree=3, layout="equation")
    assert task.x_train.shape == (36, 4) and task.num_outputs == 8
    assert set(task.x_train[:, 1]) == {7} and set(task.x_train[:, 3]) == {6}
    with pytest.raises(ConfigError, match=r"^degree = 7 must be at most 6: .* 25,401,600"):
        s5_composition(degree=7)
    with pytest.raises(ConfigError, match=r"^operation = 'conj' must be one of compose, conjugate, aba"):
        s5_composition(operation="conj")
