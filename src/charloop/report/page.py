"""One file that a browser opens anywhere, with nothing to fetch."""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from charloop.data import Vocabulary
from charloop.report.atlas_section import atlas_section
from charloop.report.curves_section import curves_section
from charloop.report.gates_section import gates_section
from charloop.report.leads import LEADS
from charloop.report.markup import details, escaped
from charloop.report.originality_section import originality_section
from charloop.report.packing import data_of
from charloop.report.reach_section import reach_section
from charloop.report.samples_section import samples_section
from charloop.report.surprise_section import surprise_section
from charloop.report.values import Report

FOREMOST = ("model", "text", "best", "rank", "note")
"""Facts that are seen at once."""


@dataclass(frozen=True)
class Section:
    """A part of the page: how it is called, how it is read, and what is in it."""

    name: str
    title: str
    lead: str
    """Markup: a sentence or two for somebody who sees such a thing for the first time."""
    body: str


def page(report: Report, vocabulary: Vocabulary) -> str:
    """`report` as HTML that asks nothing of any network, and is not allowed to."""
    sections = list(sections_of(report, vocabulary))
    links = "".join(f'<a href="#{one.name}">{escaped(one.title)}</a>' for one in sections)
    style, script = asset("page.css"), asset("page.js")
    policy = (
        f"default-src 'none'; script-src '{fingerprint(script)}'; style-src '{fingerprint(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escaped(report.name)}: charloop report</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="maker">charloop report</p>
<h1 dir="auto">{escaped(report.name)}</h1>
{facts(report)}
<nav aria-label="Sections">{links}</nav>
</header>
<main>
{"".join(map(shown, sections))}
</main>
<script type="application/json" id="data">{encoded(data_of(report, vocabulary))}</script>
<script>{script}</script>
</body>
</html>
"""


def sections_of(report: Report, vocabulary: Vocabulary) -> tuple[Section, ...]:
    """The page's parts, in their order."""
    return (
        Section("curves", "How it learned", LEADS["curves"], curves_section(report.curves)),
        Section("samples", "What it wrote on the way", LEADS["samples"], samples_section(report.samples)),
        Section(
            "surprise",
            "What surprises it",
            LEADS["surprise"],
            surprise_section(report.excerpt, report.predictions, vocabulary),
        ),
        Section(
            "atlas", "What its units track", LEADS["atlas"], atlas_section(report.excerpt, report.mapped)
        ),
        Section("gates", "How it uses its gates", LEADS["gates"], gates_section(report.gates)),
        Section(
            "reach", "How far back it remembers", LEADS["reach"], reach_section(report.reach, report.thing)
        ),
        Section(
            "originality",
            "How much it copies",
            LEADS["originality"],
            originality_section(report.written, report.thing),
        ),
    )


def shown(section: Section) -> str:
    """A section as markup."""
    return (
        f'<section id="{section.name}" aria-labelledby="{section.name}-title">'
        f'<h2 id="{section.name}-title">{escaped(section.title)}</h2>'
        f'<p class="lead">{section.lead}</p>{section.body}</section>\n'
    )


def facts(report: Report) -> str:
    """What the run is."""
    first, rest = (
        "".join(
            f'<div><dt>{escaped(name)}</dt><dd dir="auto">{escaped(value)}</dd></div>'
            for name, value in report.facts
            if (name in FOREMOST) is wanted
        )
        for wanted in (True, False)
    )
    return f"<dl>{first}</dl>{details('More of the run', f'<dl>{rest}</dl>')}"


def encoded(data: object) -> str:
    """JSON in ASCII that ends no script: neither `</script>` nor `<!--` can stand in it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


@cache
def asset(name: str) -> str:
    """A file that lies beside this one."""
    return files("charloop.report").joinpath(name).read_text(encoding="utf-8")


def fingerprint(content: str) -> str:
    """What a content security policy knows a script or a style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
