"""Result -> matplotlib Figure, one file each; and the page that holds them. Nothing here trains."""

from gendyn.plots.circuit_progress import Measure, circuit_progress
from gendyn.plots.double_descent import double_descent
from gendyn.plots.eigenvalue_spectrum import eigenvalue_spectrum
from gendyn.plots.frequency_response import Response, frequency_response
from gendyn.plots.gradient_spectrum import gradient_spectrum
from gendyn.plots.grokking_curves import Curves, grokking_curves
from gendyn.plots.lazy_to_rich import Regimes, lazy_to_rich
from gendyn.plots.learning_curves import learning_curves
from gendyn.plots.learning_speeds import LearningRegime, learning_speeds
from gendyn.plots.linear_grokking import LinearRuns, linear_grokking
from gendyn.plots.mode_decay import Column, mode_decay
from gendyn.plots.phase_diagram import phase_diagram
from gendyn.plots.report_page import figure_html, findings_html, folded, json_html, page, paragraphs, table_html, to_png
from gendyn.plots.result_page import result_page
from gendyn.plots.slingshot_cycles import ArmShares, ShownRun, slingshot_cycles
from gendyn.plots.spectral_density import spectral_density
from gendyn.plots.survival_curves import Arm, survival_curves
from gendyn.plots.theory_panels import Cell, Curve, Panel, Table, theory_panels
from gendyn.plots.ungrokking import Shrunk, ungrokking

__all__ = [
    "Arm",
    "ArmShares",
    "Cell",
    "Column",
    "Curve",
    "Curves",
    "LearningRegime",
    "LinearRuns",
    "Measure",
    "Panel",
    "Regimes",
    "Response",
    "ShownRun",
    "Shrunk",
    "Table",
    "circuit_progress",
    "double_descent",
    "eigenvalue_spectrum",
    "figure_html",
    "findings_html",
    "folded",
    "frequency_response",
    "gradient_spectrum",
    "grokking_curves",
    "json_html",
    "lazy_to_rich",
    "learning_curves",
    "learning_speeds",
    "linear_grokking",
    "mode_decay",
    "page",
    "paragraphs",
    "phase_diagram",
    "result_page",
    "slingshot_cycles",
    "spectral_density",
    "survival_curves",
    "table_html",
    "theory_panels",
    "to_png",
    "ungrokking",
]
