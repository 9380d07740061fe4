"""Opens the panel of a copy of the module, edits the copy during a run, and presses Reload; prints what then holds.

    PYTHONPATH=Testing python -m bed.reload_a_copy COPY_OF_THE_MODULE_FOLDER

In a process of its own: reloading replaces the library's classes, which other tests hold.
"""

import json
import os
import sys
from pathlib import Path

import slicer

import slicer_bed
from helpers.paths import TESTING
from helpers.scene_helpers import makeVolume
from slicer_bed.watch import waitFor


def useFakeWorker(pidFile: Path, behaviour: str = "slow") -> None:
    from ResFormerSegLib.engine import keeper
    from ResFormerSegLib.engine.process import EngineProcess

    command = [sys.executable, str(TESTING / "helpers" / "fake_worker.py"), behaviour, str(pidFile)]
    keeper._shared = keeper.EngineKeeper(lambda: EngineProcess(command))


def isAlive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main(folder: Path) -> dict:
    slicer_bed.boot()
    slicer_bed.loadModule(folder / "ResFormerSeg.py")
    pidFile = folder / "worker.pid"
    useFakeWorker(pidFile)
    volume = makeVolume()
    widget = slicer_bed.openWidget(folder / "ResFormerSeg.py")
    widget.ui.smoothingSlider.value = 2.0
    widget.ui.applyButton.click()
    waitFor(lambda: widget.ui.progressBar.value == 100)
    worker = int(pidFile.read_text())
    for name in ("ResFormerSegLib/texts.py", "resformer_unet/errors.py", "ResFormerSeg.py"):
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")

    again = slicer_bed.reloadWidget(widget)
    import resformer_unet.errors
    import ResFormerSeg
    from ResFormerSegLib import texts
    from ResFormerSegLib.panel.parameters import ResFormerSegParameterNode

    slicer.app.processEvents()
    found = {
        "edited": [hasattr(module, "EDITED") for module in (texts, resformer_unet.errors, ResFormerSeg)],
        "workerIsAlive": isAlive(worker),
        "isAnotherPanel": again is not widget,
        "volumeIsSelected": again.ui.inputSelector.currentNode() is volume,
        "smoothing": again._parameterNode.smoothingMm,
        "isTheNewWrapper": type(again._parameterNode) is ResFormerSegParameterNode,
        "parameterNodes": len(slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")),
        "applyIsEnabled": again.ui.applyButton.enabled,
    }
    slicer.mrmlScene.Clear(False)  # reaches whatever observes the old parameter node
    slicer.app.processEvents()
    slicer_bed.closeWidget(again)
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]).resolve())))
