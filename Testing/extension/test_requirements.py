"""What the extension asks Slicer to install, against what its worker imports."""

import ast
import importlib.metadata
import re
import sys

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helpers.paths import MODULE_FOLDER

BROUGHT_BY_SLICER = {"numpy", "SimpleITK"}
BROUGHT_BY_THE_PYTORCH_EXTENSION = {"torch"}
BROUGHT_BY_REQUIREMENTS = {"scipy", "safetensors", "onnxruntime"}
BROUGHT_FOR_REPORTS = {"jinja2", "pydicom", "highdicom"}
FASTER_WHERE_INSTALLED = {"isal"}  # else zlib: `gzip_blocks`
FOR_ODD_PICTURES = {"PIL", "tifffile"}  # files of a folder of cases; missing, the row says so: `missing_package`


def requirements(file: str = "requirements.txt") -> dict[str, str]:
    """Package to version range in the requirements that Slicer installs."""
    lines = (MODULE_FOLDER / "Resources" / file).read_text(encoding="utf-8").splitlines()
    split = [line.partition(">=") for line in lines if line and not line.startswith("#")]
    return {name: f">={versions}" for name, _, versions in split}


def test_slicer_is_asked_for_no_package_that_would_disturb_others():
    assert set(requirements()) == {"scipy", "safetensors"}


def test_what_runs_models_without_pytorch_is_one_package_more_and_has_the_range_of_the_package():
    (needed,) = requirements("requirements-cpu.txt").items()
    assert needed[0] == "onnxruntime"
    project = (MODULE_FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8")
    (dependency,) = re.findall(r'^    "(onnxruntime.*)",$', project, re.M)
    assert SpecifierSet(needed[1]) == Requirement(dependency).specifier


def test_what_reports_need_is_asked_for_with_the_range_of_the_package():
    project = (MODULE_FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8")
    asked = requirements("requirements-report.txt") | requirements("requirements-dicom.txt")
    assert set(asked) == BROUGHT_FOR_REPORTS
    for name, versions in asked.items():
        (dependency,) = re.findall(rf'"({name}>=[^"]*)"', project)
        assert SpecifierSet(versions) == Requirement(dependency).specifier


def test_the_lowest_versions_are_those_that_the_package_itself_needs():
    needed = importlib.metadata.requires("resformer-unet")
    for name, versions in requirements().items():
        assert f"{name}{versions.split(',')[0]}" in needed


def test_training_from_the_panel_installs_what_the_package_needs_for_it_but_what_is_optional_there():
    source = (MODULE_FOLDER / "ResFormerSegLib" / "install" / "training_packages.py").read_text(encoding="utf-8")
    body = ast.parse(source).body
    sizes = next(ast.literal_eval(node.value) for node in body if ast.unparse(node).startswith("MEGABYTES"))
    extra = importlib.metadata.requires("resformer-unet")
    # Jinja2 comes with the package, but Slicer has only what prediction needs of that.
    extra = [Requirement(line) for line in extra if re.search("extra == .train|^jinja2", line, re.IGNORECASE)]
    # What begins with a model needs no weights of ImageNet.
    left_out = ("resformer-unet", "tensorboard", "torch", *(one.name for one in extra if "efficientnet" in one.name))
    needed = {one.name: one.specifier for one in extra if one.name not in left_out}
    asked = {name: SpecifierSet(range) for name, range in requirements("requirements-training.txt").items()}
    imported = {"scikit-image": "skimage", "pillow": "PIL"}
    assert asked == needed and set(sizes) == {imported.get(name, name) for name in asked}


def test_the_worker_imports_nothing_that_slicer_would_not_have():
    waiting, seen, outside = ["resformer_unet.worker.main"], set(), set()
    while waiting:
        name = waiting.pop()
        path = MODULE_FOLDER / (name.replace(".", "/") + ".py")
        if name in seen or not path.exists():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            waiting += [name for name in names if name.startswith("resformer_unet.")]
            outside |= {name.split(".")[0] for name in names} - {"resformer_unet"}
    allowed = {
        *FASTER_WHERE_INSTALLED,
        *FOR_ODD_PICTURES,
        *BROUGHT_FOR_REPORTS,
        *BROUGHT_BY_SLICER,
        *BROUGHT_BY_THE_PYTORCH_EXTENSION,
        *BROUGHT_BY_REQUIREMENTS,
    }
    assert len(seen) > 10
    assert outside - set(sys.stdlib_module_names) <= allowed
