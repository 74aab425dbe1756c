"""A run as one HTML page: its numbers (`gather_report`), and the page made of them (`render_page`)."""

from charloop.report.gather import ReportSources, gather_report, missing_because
from charloop.report.page import render_page
from charloop.report.values import Missing, Report

__all__ = ["Missing", "Report", "ReportSources", "gather_report", "missing_because", "render_page"]
