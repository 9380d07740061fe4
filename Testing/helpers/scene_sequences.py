"""Sequences in the scene, as Slicer has them after loading a 4D file: a sequence, its browser, and the proxy volume."""

import numpy as np
import slicer


def makeSequence(frames, name="Cine", unit="s", step=0.05, className="vtkMRMLScalarVolumeNode", spacing=(1.5, 1.5, 8.0)):
    """(proxy volume, sequence, browser) of voxels (t, k, j, i[, components])."""
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("time" if unit else "frame")
    sequence.SetIndexUnit(unit)
    for number, voxels in enumerate(np.asarray(frames)):
        item = getattr(slicer, className)()
        item.SetName(name)
        slicer.util.updateVolumeFromArray(item, voxels)
        item.SetSpacing(*spacing)
        item.SetOrigin(-20, 30, 40)
        sequence.SetDataNodeAtValue(item, f"{step * number:g}" if unit else str(number))
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    showFrame(browser, 0)
    return browser.GetProxyNode(sequence), sequence, browser


def showFrame(browser, number: int) -> None:
    """As the user does with the browser's slider. The application's Sequences module updates the proxies at once."""
    browser.SetSelectedItemNumber(number)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)


def ramp(frames=4, shape=(3, 8, 10), dtype=np.int16):
    """(t, k, j, i): each frame other voxels."""
    first = np.arange(int(np.prod(shape))).reshape(shape) % 90
    return np.stack([first + 10 * number for number in range(frames)]).astype(dtype)
