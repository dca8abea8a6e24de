"""One HTML file that tells a whole run. The only room that imports jinja2."""

from hwlearn.show.report.report import report_html, write_report

__all__ = ["report_html", "write_report"]
