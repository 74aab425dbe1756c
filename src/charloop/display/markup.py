"""What pages are made with: templates that escape, a policy that forbids requests, the colours of surprise."""

import base64
import hashlib
import json
import unicodedata
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from charloop.display.characters import INVISIBLE, SURPRISE, show_character

KEPT = "\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}"
"""Invisible characters that running text needs: the last three for some scripts and for emoji."""


def readable(text: str) -> str:
    """Return `text` with every invisible character except `KEPT` as a symbol in brackets: ⟨U+202E⟩."""
    # HTML cannot hold some of them, and others would reverse the text around them.
    return "".join(
        f"⟨{show_character(character)}⟩"
        if unicodedata.category(character) in INVISIBLE and character not in KEPT
        else character
        for character in text
    )


@cache
def load_templates(package: str) -> Environment:
    """Return a package's environment: it escapes by default, applies `readable`, and refuses undefined names."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        # Markup is what another template made.
        finalize=lambda value: value if isinstance(value, Markup) else readable(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_policy(script: str, style: str, *, wasm: bool = False) -> Markup:
    """Return a content security policy that allows this script and this style only, and no request.

    `wasm` allows the script to compile WebAssembly that it holds.
    """
    also = " 'wasm-unsafe-eval'" if wasm else ""
    return Markup(
        f"default-src 'none'; script-src '{fingerprint(script)}'{also}; style-src '{fingerprint(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def fingerprint(content: str) -> str:
    """Return the hash by which a content security policy recognises a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def write_json(value: Any) -> Markup:
    """Return JSON for a script element: ASCII without "<" holds neither `</script>` nor `<!--`."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


def surprise_style() -> str:
    """Return the style rules `.s0`, `.s1`, ... of the surprise levels, on a light and on a dark page."""
    light = [f"--s{number}:{level.light};" for number, level in enumerate(SURPRISE)]
    dark = [f"--s{number}:{level.dark};" for number, level in enumerate(SURPRISE)]
    rules = []
    for number, level in enumerate(SURPRISE):
        ink = ""
        if level.ink:
            light.append(f"--i{number}:{level.ink[0]};")
            dark.append(f"--i{number}:{level.ink[1]};")
            ink = f"color:var(--i{number});"
            rules.append(f".map .s{number}.blank::before{{color:inherit}}")
        rules.append(f".s{number}{{background-color:var(--s{number});{ink}}}")
    dark_page = f"@media (prefers-color-scheme:dark){{:root{{{''.join(dark)}}}}}"
    return f":root{{{''.join(light)}}}\n{dark_page}\n" + "\n".join(rules) + "\n"
