"""The corpus python-functions: what a function is, what is left out, and documents that are whole functions."""

import ast
import sysconfig
from pathlib import Path

import pytest

from charloop.data import load_corpus
from charloop.data.corpora.python import find_library
from charloop.data.corpora.python_functions import collect_functions, each_function

CODE = '''\
import os

@cache
@wraps(
    print
)
def first(x):
    def inside():
        return x
    return inside

class Outer:
    def method(self):
        """A text with
less indentation.
        """
        return 1

    class Inner:
        async def deep(self):  # a comment
            pass

if os.name == "nt":
\tdef tabbed():
\t\treturn "\\d"
'''


def test_functions_and_methods_with_their_decorators() -> None:
    found = dict(each_function(CODE))
    assert list(found) == ["first", "method", "deep", "tabbed"]
    assert found["first"].startswith("@cache\n@wraps(\n    print\n)\ndef first(x):\n    def inside():\n")
    assert (
        found["method"] == 'def method(self):\n    """A text with\nless indentation.\n    """\n    return 1\n'
    )
    assert found["deep"] == "async def deep(self):  # a comment\n    pass\n"
    assert found["tabbed"] == 'def tabbed():\n\treturn "\\d"\n'


def test_each_is_one_whole_function_for_the_parser() -> None:
    """In some files of the library."""
    functions, notes = collect_functions(find_library()[::20])
    assert len(functions) > 100
    assert notes == ()
    for source in functions:
        (node,) = ast.parse(source).body
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def test_documents_are_functions_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("\ufeffdef f(): pass\n\n\ndef g():\n\n    return 'é'", encoding="utf-8")
    (tmp_path / "b.py").write_text("class C:\n    def f(): pass\n")
    (tmp_path / "c.py").write_text("print 'two'\n")
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    corpus = load_corpus(["python-functions"], documents="file")
    assert corpus.vocabulary.decode(corpus.tokens) == "\ndef f(): pass\ndef g():\n\n    return 'é'\n"
    assert corpus.notes == (f"skipped 1 file that is not valid Python: {tmp_path / 'c.py'}",)
    one_text = load_corpus(["python-functions"])
    assert (
        one_text.vocabulary.decode(one_text.tokens) == "def f(): pass\n\n\ndef g():\n\n    return 'é'\n\n\n"
    )
