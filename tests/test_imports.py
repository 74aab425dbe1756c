"""Packages import only those above them, and the command line starts without the heavy ones."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import charloop

SOURCE = Path(charloop.__file__).parent
LAYERS = [
    {"errors"},
    {"types", "precision", "pytree", "files", "conversion", "given", "progress"},
    {"config"},
    {"configfile", "presets", "wording"},
    {"notebook"},
    {"data"},
    {"baselines", "compilation_cache", "display"},
    {"cells"},
    {"engines"},
    {"kernels"},
    {"unroll"},
    {"dropout"},
    {"recurrent"},
    {"model"},
    {"loss"},
    {"devices", "free_memory"},
    {"mixing"},
    {"evaluation"},
    {"originality"},
    {"sampling"},
    {"checkpoint"},
    {"sessions"},
    {"trained", "description"},
    {"analysis"},
    {"exporting"},
    {"auto"},
    {"training"},
    {"compression"},
    {"figures", "comparison"},
    {"report"},
    {"benchmark"},
    {"serving"},
    {"cli", "__main__", "llm_plugin"},
]
LAYER_OF = {package: layer for layer, packages in enumerate(LAYERS) for package in packages}


def package_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def modules_imported(tree: ast.AST) -> Iterator[str]:
    """Yield what of charloop is imported anywhere in `tree`: in functions, for type checking, and by strings too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("charloop."))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names if is_charloop(node.module))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from by_string(node.args[0])


def is_charloop(module: str | None) -> bool:
    return module == "charloop" or (module or "").startswith("charloop.")


def by_string(argument: ast.expr) -> Iterator[str]:
    """Yield the modules that a string may name; for an f-string, all in the folder that its beginning names."""
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
    if not isinstance(first, ast.Constant) or not str(first.value).startswith("charloop."):
        return
    if first is argument:
        yield str(first.value)
    else:
        yield from (name for name in MODULES if name.rpartition(".")[0] == str(first.value).rstrip("."))


def imported(file: Path) -> Iterator[str]:
    """Yield the packages that `file` imports from."""
    yield from (name.split(".")[1] for name in modules_imported(ast.parse(file.read_text())))


def name_of(file: Path) -> str:
    return ".".join(("charloop", *file.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(file): file for file in SOURCE.rglob("*.py")}
FILES = sorted(file for file in SOURCE.rglob("*.py") if file != SOURCE / "__init__.py")


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 60
    assert "cells" in set(imported(SOURCE / "model.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_package_imports_only_packages_above_it(file: Path) -> None:
    own = package_of(file)
    assert own in LAYER_OF, f"add the package {own} to LAYERS"
    below = {package for package in imported(file) if LAYER_OF[package] > LAYER_OF[own]}
    beside = {package for package in imported(file) if LAYER_OF[package] == LAYER_OF[own]} - {own}
    assert not below, f"{own} must not import {below}"
    assert not beside or own in ("presets", "__main__"), f"{own} and {beside} are on one layer"


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Only at run time: two modules may name each other's types."""
    arrows = {name: set(running(file)) - {name} for name, file in MODULES.items()}
    TopologicalSorter(arrows).prepare()


def running(file: Path) -> Iterator[str]:
    """Yield the modules that `file` imports, except those for type checking."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    for name in modules_imported(tree):
        yield name if name in MODULES else name.rpartition(".")[0]


def test_an_f_string_names_all_modules_that_it_may() -> None:
    found = set(modules_imported(ast.parse((SOURCE / "cli/main.py").read_text())))
    assert {"charloop.cli.commands.train", "charloop.cli.commands.compare"} <= found


def test_no_folder_has_more_than_20_modules() -> None:
    counts = Counter(file.parent for file in FILES if file.name != "__init__.py")
    assert {str(folder): count for folder, count in counts.items() if count > 20} == {}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_starts_without_heavy_imports() -> None:
    loaded = loaded_by("import charloop, charloop.cli.main")
    assert "charloop.cli.main" in loaded
    assert not loaded & {"jax", "numpy", "tyro", "optax", "rich", "msgspec"}


def test_the_data_package_needs_no_jax() -> None:
    loaded = loaded_by("import charloop.data")
    assert "numpy" in loaded
    assert not loaded & {"jax", "optax"}


def test_settings_need_no_jax() -> None:
    assert not loaded_by("import charloop.configfile, charloop.presets, charloop.sampling") & {"jax", "numpy"}
