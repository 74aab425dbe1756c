"""The neuron atlas: the text by one unit's value, and what the units track."""

from charloop.analysis import DETECTORS, Atlas, Finding, Passage, Unit
from charloop.report.excerpt import Excerpt
from charloop.report.markup import details, escaped, paragraph, sign, table
from charloop.report.packing import ends
from charloop.report.surprise_section import HINT, text_map
from charloop.report.values import Mapped, Missing, ShownUnit


def atlas_section(excerpt: Excerpt | Missing, mapped: Mapped | Missing) -> str:
    """Markup: a list of units beside the text, and below them what there is to say of each."""
    for one in (excerpt, mapped):
        if isinstance(one, Missing):
            return paragraph(one.reason, "missing")
    assert isinstance(excerpt, Excerpt)
    assert isinstance(mapped, Mapped)
    buttons = "".join(button(place, shown) for place, shown in enumerate(mapped.units))
    articles = "".join(article(place, shown, mapped.studied) for place, shown in enumerate(mapped.units))
    return (
        f'{paragraph(in_words(mapped), "words")}<p class="legend" id="unit-legend"></p>'
        f'<div class="beside"><div>{text_map("unit", "The text, coloured by one unit", excerpt)}'
        f'<p class="hint" id="unit-value" aria-live="polite">{HINT}</p></div>'
        f'<div class="units" role="group" aria-label="Units">{buttons}</div></div>{articles}{others(mapped.atlas)}'
    )


def in_words(mapped: Mapped) -> str:
    """What was found, in a sentence or two."""
    atlas, studied = mapped.atlas, mapped.studied
    looked = len(atlas.findings) + len(atlas.unproven)
    where = f"{len(studied.characters):,} characters"
    if atlas.findings:
        return (
            f"Of {looked} marks that were looked for in {where}, {len(atlas.findings)} are tracked by some unit "
            "better than chance explains."
        )
    if looked:
        return f"Of {looked} marks that were looked for in {where}, no unit tracks any better than chance: {MOVERS}"
    return f"{where[0].upper()}{where[1:]} are too few to tell what a unit tracks: {MOVERS}"


MOVERS = "shown are the units that move the most."


def called(unit: Unit) -> str:
    """A unit's name; layer 0 reads the characters."""
    return f"layer {unit.layer}, {unit.part} {unit.index}"


def button(place: int, shown: ShownUnit) -> str:
    """A unit in the list: what it tracks, its score and what chance gives, in figures and as a bar."""
    finding = shown.finding
    name = finding.detector if finding else called(shown.unit)
    told = f"{escaped(called(shown.unit))}<br>{figures(shown, finding)}" if finding else ""
    return (
        f'<button type="button" data-unit="{place}" aria-pressed="{"false" if place else "true"}">{escaped(name)}'
        f"<small>{told}</small>{bar(finding) if finding else ''}</button>"
    )


def figures(shown: ShownUnit, finding: Finding) -> str:
    """The score, and what it is to be compared with."""
    untrained = "" if shown.untrained is None else f"<br>before training {shown.untrained:.2f}"
    return f"score {finding.score:.2f}, chance {finding.chance:.2f}{untrained}"


def bar(finding: Finding) -> str:
    """The score from 0 to 1, and a line where chance ends."""
    score, chance = max(0.0, finding.score) * 100, min(1.0, finding.chance) * 100
    return (
        '<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="under" width="100" height="6"/><rect width="{score:.1f}" height="6"/>'
        f'<line x1="{chance:.1f}" x2="{chance:.1f}" y1="0" y2="6"/></svg>'
    )


def article(place: int, shown: ShownUnit, studied: Excerpt) -> str:
    """What there is to say of a unit."""
    low, high = ends(shown.values)
    finding = shown.finding
    said = f"Its value is between {low:.2f} and {high:.2f} here, but for one character in a hundred at either end."
    if finding:
        told = DETECTORS[finding.detector].description
        said = (
            f"{'High' if finding.sign > 0 else 'Low'} where the mark “{finding.detector}” is high: {told}. Their "
            "correlation on the half of the text that the unit was not chosen on is "
            f"{finding.score:.2f}; the same search among marks of another place comes to {finding.chance:.2f} at "
            f"the most. {beginner(shown)}{said}"
        )
    where = f"Where it is {'lowest' if finding and finding.sign < 0 else 'highest'}:"
    passages = "".join(f'<pre dir="auto">{passage(one, studied)}</pre>' for one in shown.passages)
    return (
        f'<article class="unit" data-unit="{place}"><h3>{escaped(called(shown.unit))}</h3>{paragraph(said)}'
        f"{paragraph(where)}{passages}</article>"
    )


def beginner(shown: ShownUnit) -> str:
    """What weights by chance come to: the input alone tells much."""
    if shown.untrained is None:
        return ""
    return f"In the same network before any training the best unit comes to {shown.untrained:.2f}. "


def passage(one: Passage, studied: Excerpt) -> str:
    """A stretch of text with the place marked where the unit peaks."""
    before, here, after = (
        "".join(studied.characters[start:stop])
        for start, stop in ((one.start, one.peak), (one.peak, one.peak + 1), (one.peak + 1, one.stop))
    )
    peak = escaped(sign(here)) + ("\n" if here == "\n" else "")
    return f"\n{escaped(before)}<mark>{peak}</mark>{escaped(after)}"


def others(atlas: Atlas) -> str:
    """What was not found, and what could not be looked for."""
    rows = [
        (
            escaped(one.detector),
            f"best {one.score:.2f} by {escaped(called(one.unit))}, chance {one.chance:.2f}",
        )
        for one in atlas.unproven
    ]
    rows += [(escaped(one.detector), escaped(one.reason)) for one in atlas.left_out]
    if not rows:
        return ""
    return details("What was not found", table(("mark", "why not"), rows))
