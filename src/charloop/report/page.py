"""The report as one HTML file: it opens in any browser, needs no network, and is not allowed to use one."""

from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from markupsafe import Markup

from charloop.data import Vocabulary
from charloop.display.markup import load_templates, surprise_style, write_json, write_policy
from charloop.report.atlas import view_atlas
from charloop.report.copies import view_copies
from charloop.report.figure_sections import view_curves, view_gates, view_reach
from charloop.report.learned import view_learned
from charloop.report.packing import pack_report
from charloop.report.samples import view_samples
from charloop.report.surprise import view_surprise
from charloop.report.values import Missing, Report, View

FOREMOST = ("model", "text", "best", "rank", "note")
"""Facts that are visible at once; the others are folded away."""


class Section(NamedTuple):
    """A part of the page: the name of its template, its title, and what the template shows."""

    name: str
    title: str
    view: View


def render_page(report: Report, vocabulary: Vocabulary) -> str:
    """Return `report` as HTML."""
    style, script = read_asset("page.css") + surprise_style(), read_asset("page.js")
    data = write_json(pack_report(report, vocabulary))
    return (
        load_templates("charloop.report")
        .get_template("page.html")
        .render(
            report=report,
            foremost=FOREMOST,
            sections=list_sections(report, vocabulary),
            policy=write_policy(script, style),
            style=Markup(style),
            script=Markup(script),
            data=data,
        )
    )


def list_sections(report: Report, vocabulary: Vocabulary) -> tuple[Section, ...]:
    """Return the parts of the page in their order."""
    surprise = view_or_reason(view_surprise, report.excerpt, report.predictions, vocabulary)
    copies = view_or_reason(view_copies, report.written, report.thing)
    title, learned = "What it learned while reading", report.learned
    learning = (
        [Section("learned", title, view_or_reason(view_learned, report.excerpt, learned, report.thing))]
        if learned
        else []
    )
    return (
        Section("curves", "How it learned", view_or_reason(view_curves, report.curves)),
        Section("samples", "What it wrote during training", view_or_reason(view_samples, report.samples)),
        Section("surprise", "What surprises it", surprise),
        *learning,
        Section("atlas", "What its units track", view_or_reason(view_atlas, report.excerpt, report.mapped)),
        Section("gates", "How it uses its gates", view_or_reason(view_gates, report.gates)),
        Section("reach", "How far back it remembers", view_or_reason(view_reach, report.reach, report.thing)),
        Section("originality", "How much it copies", copies),
    )


def view_or_reason(view: Callable[..., View], *shown: object) -> View:
    """Return `view(*shown)`; if one of `shown` is missing, the sentence that says why."""
    missing = next((one for one in shown if isinstance(one, Missing)), None)
    return {"missing": missing.reason} if missing else {"missing": ""} | view(*shown)


def read_asset(name: str) -> str:
    """Return the content of a file next to this module."""
    return files("charloop.report").joinpath(name).read_text(encoding="utf-8")
