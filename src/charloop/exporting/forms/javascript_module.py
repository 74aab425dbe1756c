"""A network as an ECMAScript module without dependencies, with its types: it writes and scores text anywhere."""

import json
from collections.abc import Mapping

from charloop.exporting.content import Export
from charloop.exporting.forms.javascript import make_script
from charloop.exporting.tables import load_templates


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return the module and its types. Raises CharloopError for a cell whose step has no rule."""
    script, templates = make_script(export), load_templates()
    # Twice: a string of JavaScript that holds JSON, which a browser reads sooner than an object.
    data = json.dumps(json.dumps(script.data))
    text = templates.get_template("module.mjs.jinja").render(engine=script.code, data=data)
    types = templates.get_template("module.d.mts").render()
    return {f"{export.name}.mjs": text.encode(), f"{export.name}.d.mts": types.encode()}
