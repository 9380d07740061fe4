"""Runs the panel's Apply many times, deletes the results, closes the scene, presses Reload twice; prints what is alive.

    PYTHONPATH=Testing python -m bed.memory_after_runs

In a process of its own: reloading replaces the library's classes, which other tests hold.
"""

import gc
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import slicer
import vtk

import slicer_bed
from bed.reload_a_copy import useFakeWorker
from helpers.paths import MODULE
from helpers.scene_helpers import makeVolume
from slicer_bed.pythonqt import QtCore, QtWidgets
from slicer_bed.watch import waitFor

RUNS = 30
OF_A_RUN = {"Job", "InputWatch", "JobProgress", "LaterCall", "ProcessingResult", "PredictionOutput", "ExportedVolume"}


def settle() -> None:
    """Lets Qt delete what it was asked to delete, and Python what nothing refers to."""
    for _round in range(3):
        slicer.app.processEvents()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
        gc.collect()


def ours() -> list:
    """Living objects of classes of the module and its library."""
    return [found for found in gc.get_objects() if type(found).__module__.partition(".")[0].startswith("ResFormerSeg")]


def names(objects: list) -> dict[str, int]:
    return dict(Counter(type(found).__name__ for found in objects))


def isOfARun(found) -> bool:
    return type(found).__name__ in OF_A_RUN or type(found).__name__.endswith("Task")


def isReplaced(found) -> bool:
    """Whether its class is no longer that of the module of that name."""
    kind = type(found)
    return getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind


def runOften(widget) -> list[vtk.vtkWeakReference]:
    """Applies to several volumes in turn, which are then removed; references to all nodes that there were."""
    references = []
    # The name is a reason to select the brain model.
    volumes = [makeVolume(name=f"Brain {number}") for number in range(5)]
    widget.ui.probabilityMapsCheckBox.checked = True
    for index in range(RUNS):
        widget.ui.inputSelector.setCurrentNode(volumes[index % len(volumes)])
        widget.ui.applyButton.click()
        waitFor(lambda: widget.panel.run.isRunning is False and not widget.logic.isBusy)
    for className in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
        for node in slicer.util.getNodesByClass(className):
            references.append(vtk.vtkWeakReference())
            references[-1].Set(node)
    return references


def main(folder: Path) -> dict:
    slicer_bed.boot()
    QtCore.QSettings().setValue("Developer/DeveloperMode", True)
    slicer_bed.loadModule(MODULE)
    useFakeWorker(folder / "worker.pid", "exclusive")
    widget = slicer_bed.openWidget(MODULE)
    references = runOften(widget)
    found = {"nodes": len(references), "tables": len(slicer.util.getNodesByClass("vtkMRMLTableNode"))}
    for reference in references:  # as a user deletes what is no longer needed
        if reference.Get().GetScene() is not None:
            slicer.mrmlScene.RemoveNode(reference.Get())
    settle()
    found["of a run, results deleted"] = names([one for one in ours() if isOfARun(one)])
    found["nodes, results deleted"] = sum(reference.Get() is not None for reference in references)
    slicer.mrmlScene.Clear(False)
    settle()
    found["of a run, scene closed"] = names([one for one in ours() if isOfARun(one)])
    widgets = []
    for _time in range(2):
        widget = slicer_bed.reloadWidget(widget)
        settle()
        widgets.append(len(widget.parent.findChildren(QtWidgets.QWidget)))
    found["replaced by a reload"] = names([one for one in ours() if isReplaced(one)])
    found["widgets left by a reload"] = widgets[1] - widgets[0]
    slicer_bed.closeWidget(widget)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(main(Path(folder))))
