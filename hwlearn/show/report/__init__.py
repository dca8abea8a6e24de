"""One HTML file that tells a whole run. The only room that imports jinja2."""

from hwlearn.show.report.design import design_html
from hwlearn.show.report.report import report_html, write_report

__all__ = ["design_html", "report_html", "write_report"]
