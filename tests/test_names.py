"""A search for a name finds one definition, and no passage of code is repeated."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import charloop

SOURCE = Path(charloop.__file__).parent
MAX_EQUAL_LINES = 8


def definitions(text: str) -> Iterator[tuple[str, int]]:
    """Yield the names that a module defines at its top level, each with its line."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from ((target.id, node.lineno) for target in targets if isinstance(target, ast.Name))


def ambiguous_exports(files: dict[str, str]) -> dict[str, list[str]]:
    """Return the names in the `__all__` of any of the `files` that are not defined exactly once."""
    found, exported = defaultdict(list), set()
    for file, text in files.items():
        for name, line in definitions(text):
            found[name].append(f"{file}:{line}")
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                exported |= set(ast.literal_eval(node.value))
    return {name: found[name] for name in sorted(exported) if len(found[name]) != 1}


def equal_passages(files: dict[str, str], length: int) -> list[list[str]]:
    """Return the locations of each passage of `length` equal lines; indents and empty lines do not count."""
    locations = defaultdict(list)
    for file, text in files.items():
        lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        for start in range(len(lines) - length + 1):
            passage = tuple(line for _, line in lines[start : start + length])
            locations[passage].append(f"{file}:{lines[start][0]}")
    return [found for found in locations.values() if len(found) > 1]


def sources(*folders: Path) -> dict[str, str]:
    """Return the text of every module in `folders`, by its path."""
    found = (file for folder in folders for file in sorted(folder.rglob("*.py")))
    return {str(file): file.read_text("utf-8") for file in found if ".venv" not in file.parts}


def test_each_exported_name_has_one_definition() -> None:
    """Except `main`, which every command has."""
    found = ambiguous_exports(sources(SOURCE))
    assert {name: locations for name, locations in found.items() if name != "main"} == {}


def test_no_passage_stands_twice() -> None:
    bench = SOURCE.parents[1] / "bench"
    assert equal_passages(sources(SOURCE, bench), MAX_EQUAL_LINES + 1) == []


def test_names_that_are_defined_twice_or_nowhere_are_found() -> None:
    files = {
        "front": '__all__ = ["LIMIT", "Once", "gone", "twice"]\nfrom a import twice',
        "a": "def twice(): ...\nclass Once:\n    def twice(self): ...",
        "b": "LIMIT: int = 3\n\ndef other(): ...\ntwice = other",
    }
    assert ambiguous_exports(files) == {"gone": [], "twice": ["a:1", "b:4"]}


def test_equal_passages_are_found() -> None:
    files = {"a": "x = 1\ny = 2\nz = 3\n", "b": "def f():\n    x = 1\n\n    y = 2\n    z = 4\n"}
    assert equal_passages(files, 2) == [["a:1", "b:2"]]
    assert equal_passages(files, 3) == []
