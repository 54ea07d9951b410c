"""Result -> matplotlib Figure, one file each; and the page that holds them. Nothing here trains."""

from gendyn.plots.eigenvalue_spectrum import eigenvalue_spectrum
from gendyn.plots.frequency_response import Response, frequency_response
from gendyn.plots.gradient_spectrum import gradient_spectrum
from gendyn.plots.grokking_curves import Curves, grokking_curves
from gendyn.plots.learning_curves import learning_curves
from gendyn.plots.report_page import figure_html, findings_html, folded, json_html, page, paragraphs, table_html, to_png
from gendyn.plots.result_page import result_page
from gendyn.plots.spectral_density import spectral_density
from gendyn.plots.theory_panels import Cell, Curve, Panel, Table, theory_panels

__all__ = [
    "Cell",
    "Curve",
    "Curves",
    "Panel",
    "Response",
    "Table",
    "eigenvalue_spectrum",
    "figure_html",
    "findings_html",
    "folded",
    "frequency_response",
    "gradient_spectrum",
    "grokking_curves",
    "json_html",
    "learning_curves",
    "page",
    "paragraphs",
    "result_page",
    "spectral_density",
    "table_html",
    "theory_panels",
    "to_png",
]
