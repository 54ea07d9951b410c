"""Probes as a config writes them."""

import pytest

from gendyn.core import ConfigError
from gendyn.sweep.config.probes import make_probes, parse_probe


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (3, "3 must be a name"),
        ("no_such_probe", "there is no 'no_such_probe'"),
        ("parameter_norm(", "cannot be read: write a name"),
        ("parameter_norm(3)", "cannot be read"),
        ("parameter_norm(**{})", "cannot be read"),
        ("parameter_norm(k=open('x'))", "cannot be read"),
        ("a.b", "cannot be read"),
        ("parameter_norm(k=3)", "parameter_norm has no argument 'k'"),
    ],
)
def test_a_bad_spec_is_refused(spec, fault):
    with pytest.raises(ConfigError, match=fault):
        parse_probe(spec)


def test_one_probe_has_one_place():
    assert [probe.name for probe in make_probes(("parameter_norm()",))] == ["parameter_norm"]
    with pytest.raises(ConfigError, match="'parameter_norm' is given twice"):
        make_probes(("parameter_norm", "parameter_norm()"))
