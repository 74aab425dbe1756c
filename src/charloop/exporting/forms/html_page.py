"""A network as a web page: one file in which it runs, and which may request nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from charloop.display import SURPRISE
from charloop.display.markup import load_templates, surprise_style, write_json, write_policy
from charloop.exporting.content import Export
from charloop.exporting.forms.javascript import make_script
from charloop.exporting.quantizing import spell_difference
from charloop.exporting.tables import load_templates as load_code


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return the page. Raises CharloopError for a cell whose step has no rule."""
    engine, templates = make_script(export), load_templates("charloop.exporting.forms")
    levels = f"const LEVELS = {[level.bits for level in SURPRISE]};"
    script = "\n".join(['"use strict";', "(() => {", engine.code, levels, read_code("page.js"), "})();"])
    style = read_code("page.css") + surprise_style()
    text = templates.get_template("page.html").render(
        name=export.name,
        heading=name_network(export.facts),
        about=describe(export.facts),
        facts=[*list_facts(export)],
        levels=SURPRISE,
        policy=write_policy(script, style, wasm=True),
        style=Markup(style),
        script=Markup(script),
        data=write_json(engine.data),
    )
    return {f"{export.name}.html": text.encode()}


def read_code(name: str) -> str:
    """Return a script or a style of the page."""
    return load_code().get_template(name).render()


def name_network(facts: Mapping[str, Any]) -> str:
    """Return a heading: what the network is, and what it read."""
    text = facts.get("text", {}).get("description")
    return f"{facts['network']}: {text}" if text else str(facts["network"])


def describe(facts: Mapping[str, Any]) -> str:
    """Return a sentence or two about the network."""
    text = facts.get("text", {}).get("description")
    trained = f", trained on {text}" if text else ""
    bits = (
        f" It needs {facts['bits']:.2f} bits per character of text that it never read."
        if "bits" in facts
        else ""
    )
    return f"A small recurrent network that writes one character after another{trained}.{bits}"


def list_facts(export: Export) -> Iterator[tuple[str, str]]:
    """Yield what is known of the network: a term and a value each."""
    facts = export.facts
    text, cost = facts.get("text", {}), facts.get("int8_bits")
    yield "Network", facts["network"]
    yield "Parameters", f"{facts['parameters']:,}"
    if "description" in text:
        characters = f" ({text['characters']:,} characters)" if "characters" in text else ""
        yield "Trained on", f"{text['description']}{characters}"
    if "nats" in facts:
        yield "Validation loss", f"{facts['nats']:.4f} nats ({facts['bits']:.3f} bits) per character"
    if facts.get("step") is not None:
        yield "Training step", f"{facts['step']:,}"
    if export.int8:
        bits = (
            f": {spell_difference(cost['difference'])} bits per character ({cost['float32']:.4f} before)"
            if cost
            else ""
        )
        yield "Weights", f"8-bit{bits}"
    yield "Made by", f"charloop {facts['charloop']}"
