"""Result -> matplotlib Figure, one file each; and the page that holds them. Nothing here trains."""

from gendyn.plots.double_descent import double_descent
from gendyn.plots.learning_curves import learning_curves
from gendyn.plots.report_page import figure_html, findings_html, folded, json_html, page, paragraphs, table_html, to_png

__all__ = [
    "double_descent",
    "figure_html",
    "findings_html",
    "folded",
    "json_html",
    "learning_curves",
    "page",
    "paragraphs",
    "table_html",
    "to_png",
]
