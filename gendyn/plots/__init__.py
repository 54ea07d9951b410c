"""Result -> matplotlib Figure, one file each; and the page that holds them. Nothing here trains."""

from gendyn.plots.double_descent import double_descent
from gendyn.plots.learning_curves import learning_curves
from gendyn.plots.report_page import figure_html, findings_html, folded, json_html, page, paragraphs, table_html, to_png
from gendyn.plots.sharpness_curves import sharpness_curves

__all__ = [
    "double_descent",
    "figure_html",
    "findings_html",
    "folded",
    "json_html",
    "learning_curves",
    "page",
    "paragraphs",
    "sharpness_curves",
    "table_html",
    "to_png",
]
