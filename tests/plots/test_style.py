"""A report looks the same, and is drawn at all, whatever matplotlib's environment asks for."""

import io
import os
import subprocess
import sys

import matplotlib

from gendyn.plots.style import figure, plain_style


def test_a_users_settings_do_not_reach_a_figure_and_come_back():
    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "black"}):
        with plain_style():
            made, axes = figure(1, 1)
            made.suptitle("a title")
            made.savefig(io.BytesIO())
        assert matplotlib.rcParams["text.usetex"] is True
    assert axes[0, 0].get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_the_backend_of_a_notebook_elsewhere():
    """matplotlib refuses it when it is imported, which happens once a process."""
    code = (
        "import os, sys; from gendyn.plots.style import figure, plain_style\n"
        "assert 'matplotlib' not in sys.modules\n"
        "with plain_style(): figure(1, 1)\n"
        "print(os.environ['MPLBACKEND'])"
    )
    backend = "module://no_such_package.backend_inline"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"MPLBACKEND": backend}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, backend), done.stderr
