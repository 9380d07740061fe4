"""The layers of the project: who may import what. Read from the syntax trees, so nothing is imported here."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parent.parent / "ResFormerSeg"
ENGINE = sorted((MODULE / "resformer_unet").rglob("*.py"))
SLICER_SIDE = [MODULE / "ResFormerSeg.py", *sorted((MODULE / "ResFormerSegLib").rglob("*.py"))]
APPLICATION = {"slicer", "qt", "ctk", "vtk"}


def importsOf(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that the statements of the tree import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def importsAtFileScope(tree: ast.Module) -> Iterator[str]:
    """As `importsOf`, but not what functions import when they are called."""
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from importsOf(statement)
        elif isinstance(statement, ast.ClassDef):
            yield from importsAtFileScope(ast.Module(statement.body, []))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(MODULE).as_posix()


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_the_engine_knows_nothing_of_the_application(path):
    assert not set(importsOf(parse(path))) & {*APPLICATION, "ResFormerSeg", "ResFormerSegLib"}


@pytest.mark.parametrize("path", SLICER_SIDE, ids=name)
def test_the_slicer_side_imports_neither_pytorch_nor_the_engine(path):
    assert not set(importsOf(parse(path))) & {"torch", "torchvision", "resformer_unet"}


@pytest.mark.parametrize("path", SLICER_SIDE, ids=name)
def test_the_slicer_side_imports_at_file_scope_only_what_every_slicer_has(path):
    allowed = {*APPLICATION, *sys.stdlib_module_names, "ResFormerSegLib"}
    assert set(importsAtFileScope(parse(path))) <= allowed


@pytest.mark.parametrize("path", SLICER_SIDE, ids=name)
def test_utilities_are_called_through_slicer_util(path):
    """slicer-core copies the names of slicer.util into slicer; the application does not."""
    shortcuts = ("load", "save", "array", "update", "getNode", "addVolume")
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "slicer":
            assert not node.attr.startswith(shortcuts), f"line {node.lineno}: slicer.{node.attr}"


def test_there_are_files_to_check():
    assert ENGINE and len(SLICER_SIDE) > 5
