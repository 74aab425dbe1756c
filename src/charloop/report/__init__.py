"""A run as one page to read: what is on it (`gather`), and how it looks (`page`)."""

from charloop.report.gather import Sources, gather, sentence
from charloop.report.page import page
from charloop.report.values import Missing, Report

__all__ = ["Missing", "Report", "Sources", "gather", "page", "sentence"]
