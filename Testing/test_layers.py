"""The layers of the project: which package may import which. Read from the syntax trees, so nothing is imported here.

`ORDER` is the only list of them; `docs/architecture.md` explains it. What else the application asks of the Slicer
side's source is in `test_lints.py`.
"""

import ast
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from helpers.paths import MODULE_FOLDER

# A package may import those above it and itself. Modules that lie in no package of their own come first or last.
ORDER = (
    "resformer_unet",  # version, errors, atomic files, fields of options
    "resformer_unet.image",
    "resformer_unet.model",
    "resformer_unet.preprocessing",
    "resformer_unet.data",
    "resformer_unet.data.check",
    "resformer_unet.training_set",
    "resformer_unet.postprocessing",
    "resformer_unet.inference.backends",
    "resformer_unet.inference",
    "resformer_unet.cardiac",
    "resformer_unet.batch",
    "resformer_unet.batch.cluster",
    "resformer_unet.sequence",
    "resformer_unet.evaluation",
    "resformer_unet.evaluation.report_card",
    "resformer_unet.report",  # one result as a page and as DICOM objects
    "resformer_unet.training.setup",
    "resformer_unet.training.input",
    "resformer_unet.training.loop",
    "resformer_unet.training.finish",
    "resformer_unet.training",
    "resformer_unet.learning",
    "resformer_unet.worker",
    "resformer_unet.cli",
    "ResFormerSegLib",  # errors, texts, sample data
    "ResFormerSegLib.engine",
    "ResFormerSegLib.models",
    "ResFormerSegLib.install",
    "ResFormerSegLib.scene",
    "ResFormerSegLib.runs",
    "ResFormerSegLib.live",
    "ResFormerSegLib.learning",
    "ResFormerSegLib.cases",
    "ResFormerSegLib.panel.chart",
    "ResFormerSegLib.panel",
    "ResFormerSegLib.self_test",
    "ResFormerSeg",  # the module's own file
)
ENTRIES = {"resformer_unet.__main__"}  # programs, which nothing imports
APPLICATION = {"slicer", "qt", "ctk", "vtk", "vtkmodules"}
HEAVY = {"torch", "torchvision", "monai", "lightning", "onnxruntime", "SimpleITK", "scipy", "skimage", "matplotlib"}
HEAVY |= {"pydicom", "highdicom", "jinja2", "PIL", "tifffile"}


def modules() -> dict[str, Path]:
    """The project's modules by their dotted names; a package by the name of its folder."""
    files = [*MODULE_FOLDER.glob("resformer_unet/**/*.py"), *MODULE_FOLDER.glob("ResFormerSegLib/**/*.py")]
    found = {"ResFormerSeg": MODULE_FOLDER / "ResFormerSeg.py"}
    for path in sorted(files):
        parts = path.relative_to(MODULE_FOLDER).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def importedNames(path: Path) -> tuple[str, ...]:
    """Dotted names that a file imports, wherever in it, as `package.module` or `package.module.name`."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that the layers can be read off them"
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(names)


def moduleOf(name: str) -> str | None:
    """The project's module that an imported name belongs to; `None` for other people's."""
    while name not in MODULES and "." in name:
        name = name.rpartition(".")[0]
    return name if name in MODULES else None


def packageOf(module: str) -> str:
    """The entry of `ORDER` that a module belongs to."""
    return next(entry for entry in sorted(ORDER, key=len, reverse=True) if f"{module}.".startswith(f"{entry}."))


def arrows() -> list[tuple[str, str]]:
    """Who imports whom within the project."""
    found = {
        (module, target)
        for module, path in MODULES.items()
        for target in map(moduleOf, importedNames(path))
        if target not in (None, module) and module not in ENTRIES
    }
    return sorted(found)


def upwards(pairs: list[tuple[str, str]]) -> list[str]:
    """Arrows from a package to a later one of `ORDER`."""
    return [f"{a} imports {b}" for a, b in pairs if ORDER.index(packageOf(b)) > ORDER.index(packageOf(a))]


def circles(pairs: list[tuple[str, str]]) -> set[str]:
    """Modules that reach themselves: what is left when those that import nothing that is left are taken away."""
    left = {module for pair in pairs for module in pair}
    while gone := {module for module in left if not any(a == module and b in left for a, b in pairs)}:
        left -= gone
    while gone := {module for module in left if not any(b == module and a in left for a, b in pairs)}:
        left -= gone
    return left


def test_packages_import_only_those_above_them():
    assert not upwards(arrows())


def test_no_module_imports_itself_by_way_of_others():
    assert not circles(arrows())


def test_an_arrow_upwards_and_a_circle_are_noticed():
    assert upwards([("resformer_unet.image.reading", "resformer_unet.cli.main")])
    assert upwards([("ResFormerSegLib.scene.volume_export", "ResFormerSegLib.panel.panel")])
    assert circles([("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")]) == {"b", "c"}


def test_every_package_has_its_place_in_the_order():
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert packages - set(ORDER) <= {"resformer_unet.training"} and set(ORDER) - set(MODULES) == set()


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("resformer_unet")])
def test_the_engine_knows_nothing_of_the_application(module):
    roots = {name.split(".")[0] for name in importedNames(MODULES[module])}
    assert not roots & {*APPLICATION, "ResFormerSeg", "ResFormerSegLib"}


@cache
def loadedNames(path: Path) -> tuple[str, ...]:
    """Dotted names that are imported when a file is loaded: not those within functions, nor those for types only."""
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names += (f"{node.module}.{alias.name}" for alias in node.names)
        waiting += ast.iter_child_nodes(node)
    return tuple(names)


def withPackages(module: str) -> list[str]:
    """A module and the packages around it, which are loaded before it."""
    parts = module.split(".")
    return [name for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)) if name in MODULES]


def rootsLoadedWith(names: Iterable[str]) -> dict[str, str]:
    """Other people's packages that are loaded along with the imported names, and the file that does it."""
    roots: dict[str, str] = {}
    waiting, seen = [(name, "") for name in names], set()
    while waiting:
        name, importer = waiting.pop()
        module = moduleOf(name)
        if module is None:
            roots.setdefault(name.split(".")[0], importer)
            continue
        for loaded in set(withPackages(module)) - seen:
            seen.add(loaded)
            waiting += [(other, loaded) for other in loadedNames(MODULES[loaded])]
    return roots


SLICER_SIDE = [name for name in MODULES if name.startswith("ResFormerSeg")]


@pytest.mark.parametrize("module", SLICER_SIDE)
def test_the_slicer_side_loads_nothing_heavy_through_the_engine(module):
    """Whatever a function of the Slicer side imports needs NumPy and Python itself, and no more."""
    assert not rootsLoadedWith(importedNames(MODULES[module])).keys() & HEAVY


@pytest.mark.parametrize("module", SLICER_SIDE)
def test_the_module_starts_without_numpy(module):
    """Slicer loads the module when it starts: that costs no more than Python's own modules."""
    others = rootsLoadedWith(loadedNames(MODULES[module])).keys() - sys.stdlib_module_names - {"__future__"}
    assert others <= APPLICATION


def test_heavy_packages_are_noticed_where_they_are_loaded_and_only_there():
    assert "torch" in rootsLoadedWith(["resformer_unet.model.network"])
    assert "numpy" in rootsLoadedWith(["resformer_unet.preprocessing.slice_layout.choose_layout"])
    assert not rootsLoadedWith(["resformer_unet.model.bundle"]).keys() & {*HEAVY, "numpy"}
