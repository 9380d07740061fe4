"""The layers of the project: who may import what. Read from the syntax trees, so nothing is imported here.

What else the application asks of the Slicer side's source is in `test_lints.py`.
"""

import ast
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


def test_there_are_files_to_check():
    assert ENGINE and len(SLICER_SIDE) > 5
