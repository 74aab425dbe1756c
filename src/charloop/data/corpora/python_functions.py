"""`python-functions`: each function and method of the `python` corpus as a file of its own, for --documents file."""

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from charloop.data.corpora.python import find_library
from charloop.data.sources import NamedCorpus, Source, name_some, text_source
from charloop.wording import number_that

END = "\n\n"
"""Written after each function, as between the functions of a file; --documents drops it."""


class _Finder(ast.NodeVisitor):
    """Collects functions and methods, but not those inside another function."""

    def __init__(self) -> None:
        self.found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.found.append(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.found.append(node)


def each_function(code: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the source of each function and method, with its decorators, without its indentation.

    Errors: SyntaxError.
    """
    finder, lines = _Finder(), code.split("\n")
    with warnings.catch_warnings():
        # Of escape sequences that Python advises against.
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        finder.visit(ast.parse(code))
    for node in finder.found:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        indentation = lines[node.lineno - 1][: node.col_offset]
        # A line of a string may be indented less than the function.
        own = [line.removeprefix(indentation) for line in lines[first - 1 : node.end_lineno]]
        yield node.name, "\n".join(own) + "\n"


def collect_functions(files: Iterable[Path]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return each function's source, once, with the place where it stands; and a note on files that were skipped."""
    functions: dict[str, str] = {}
    skipped: list[str] = []
    for path in files:
        try:
            for name, source in each_function(path.read_text("utf-8-sig")):
                functions.setdefault(source, f"{path}: {name}")
        except SyntaxError:
            skipped.append(str(path))
    if not skipped:
        return functions, ()
    return functions, (
        f"skipped {number_that(len(skipped), 'file', 'not valid Python')}: {name_some(skipped)}",
    )


def _sources(_cache: Path) -> tuple[Sequence[Source], tuple[str, ...]]:
    functions, notes = collect_functions(find_library())
    return [_function_source(name, code) for code, name in functions.items()], notes


def _function_source(name: str, code: str) -> Source:
    return text_source(name, lambda: code + END)


CORPUS = NamedCorpus(
    name="python-functions",
    summary="each function and method of python as a file; for --documents file --shuffle",
    origin="your Python installation; PSF licence",
    size=7_600_000,
    sources=_sources,
)
