"""Result -> matplotlib Figure, one file each; and the page that holds them. Nothing here trains."""

from gendyn.plots.accuracy_panel import accuracy_panel as accuracy_panel
from gendyn.plots.curve_family import curve_family as curve_family
from gendyn.plots.eigenvalue_spectrum import eigenvalue_spectrum as eigenvalue_spectrum
from gendyn.plots.frequency_response import Response as Response
from gendyn.plots.frequency_response import frequency_response as frequency_response
from gendyn.plots.gradient_spectrum import gradient_spectrum as gradient_spectrum
from gendyn.plots.learning_curves import learning_curves as learning_curves
from gendyn.plots.median_rows import median_rows as median_rows
from gendyn.plots.panels import Cell as Cell
from gendyn.plots.panels import Curve as Curve
from gendyn.plots.panels import Panel as Panel
from gendyn.plots.panels import Rows as Rows
from gendyn.plots.panels import Table as Table
from gendyn.plots.panels import draw_panels as draw_panels
from gendyn.plots.phase_panels import phase_panels as phase_panels
from gendyn.plots.report_page import figure_html as figure_html
from gendyn.plots.report_page import findings_html as findings_html
from gendyn.plots.report_page import folded as folded
from gendyn.plots.report_page import json_html as json_html
from gendyn.plots.report_page import page as page
from gendyn.plots.report_page import paragraphs as paragraphs
from gendyn.plots.report_page import table_html as table_html
from gendyn.plots.report_page import to_png as to_png
from gendyn.plots.result_page import result_page as result_page
from gendyn.plots.spectral_density import spectral_density as spectral_density
from gendyn.plots.survival_curves import survival_curves as survival_curves
