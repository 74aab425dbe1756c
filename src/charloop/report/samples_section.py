"""What the network wrote on its way, a card for each time."""

import math

from charloop.report.markup import escaped, paragraph, preformatted
from charloop.report.values import Missing, Sampled


def samples_section(samples: tuple[Sampled, ...] | Missing) -> str:
    """Markup; the temperature is chosen without a script."""
    if isinstance(samples, Missing):
        return paragraph(samples.reason, "missing")
    temperatures = list(dict.fromkeys(name for sample in samples for name, _ in sample.texts))[:4]
    shown = temperatures[len(temperatures) // 2]
    switches = "".join(
        f'<input type="radio" name="temperature" id="t{place}"{" checked" if name == shown else ""}>'
        f'<label for="t{place}">temperature {escaped(name)}</label>'
        for place, name in enumerate(temperatures)
    )
    cards = "".join(card(sample, temperatures) for sample in samples)
    return f'<div class="switched">{switches}<div class="cards">{cards}</div></div>'


def card(sample: Sampled, temperatures: list[str]) -> str:
    """One time's texts."""
    loss = (
        f", validation {sample.loss / math.log(2):.3f} bits per character" if sample.loss is not None else ""
    )
    texts = dict(sample.texts)
    bodies = "".join(
        f'<div class="t{place}">{preformatted(escaped(texts[name])) if name in texts else paragraph("None.")}</div>'
        for place, name in enumerate(temperatures)
    )
    return (
        f'<article><h3>after {sample.step:,} updates<span class="loss">{loss}</span></h3>{bodies}</article>'
    )
