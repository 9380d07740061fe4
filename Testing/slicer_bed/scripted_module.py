"""Loads a scripted module as the application does: its folder goes on `sys.path`, its class describes a parent."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import slicer

from slicer_bed.application import Module
from slicer_bed.boot import boot


def loadModule(path: str | Path) -> ModuleType:
    """Imports the scripted module file `path` and makes it known as `slicer.modules.<name>`; returns the Python module.

    The described parent (title, help text and so on) is then `slicer.modules.<name>Instance.parent`. Raises
    RuntimeError for a module that depends on others which are not there: the application does not load it.
    """
    boot()
    path = Path(path).resolve()
    name = path.stem
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent = SimpleNamespace(path=str(path), widgetRepresentationCreationEnabled=True)
    instance = getattr(module, name)(parent)
    missing = set(parent.dependencies) - set(slicer.app.moduleManager().modulesNames())
    if missing:
        raise RuntimeError(f"{name} cannot be loaded: it depends on {', '.join(sorted(missing))}")
    made = Module(name, path=str(path))
    made.title = parent.title
    slicer.app.addModule(made)
    setattr(slicer.modules, f"{name}Instance", instance)
    return module
