"""JSON for people to read, and read back with suspicion."""

import json
from pathlib import Path
from typing import Any

from charloop.checkpoint.tensors import damaged
from charloop.errors import CharloopError
from charloop.files.small import read_small


def encode_json(values: Any) -> bytes:
    """Readable JSON, one item a line."""
    return (json.dumps(values, indent=1, ensure_ascii=True) + "\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; CharloopError if it cannot be read or is none."""
    try:
        values = json.loads(read_small(path).decode("utf-8"))
    except FileNotFoundError:
        raise CharloopError(f"{path} is missing", do="the run was copied in part: copy it again") from None
    except OSError as error:
        raise CharloopError(f"cannot read {path} ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(values, dict):
        raise damaged(path, "not a JSON object")
    return values
