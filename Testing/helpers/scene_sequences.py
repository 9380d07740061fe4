"""Sequences in the scene, as Slicer has them after loading a 4D file: a sequence, its browser, and the proxy volume."""

import numpy as np
import slicer


def makeSequence(
    frames, name="Cine", unit="s", step=0.05, className="vtkMRMLScalarVolumeNode", spacing=(1.5, 1.5, 8.0)
):
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


def makeHeartResult(frames=20):
    """(result, evaluate): a SequenceResult of a beating heart without segmentations, and what evaluates it anew."""
    from dataclasses import replace
    from types import SimpleNamespace

    from helpers.sequences import beat, heart_reports
    from helpers.tiny_heart import heart_descriptor
    from resformer_unet.cardiac.body import BodySize
    from resformer_unet.cardiac.cine import evaluate_cine
    from ResFormerSegLib.runs.sequence_results import SequenceResult

    descriptor = {**heart_descriptor(), "weights": {"sha256": "a" * 64}}
    bundle = SimpleNamespace(descriptor=descriptor, id="heart", diagnoses=descriptor["diagnosis"]["classes"])
    reports = heart_reports(beat(frames))
    times = [0.04 * number for number in range(frames)]
    volume, _, browser = makeSequence(ramp(frames), step=0.04)
    rows = [
        {
            "index": number, "time_s": times[number], "diagnosis": "normal", "probabilities": {"normal": 1.0},
            "segments": {
                row["id"]: {"voxels": 1, "volume_mm3": row["volume_mm3"], "area_mm2": None}
                for row in report["segments"]
            },
        }
        for number, report in enumerate(reports)
    ]  # fmt: skip
    colors = {"rv": (80, 160, 220), "myocardium": (200, 140, 60), "lv": (220, 60, 60)}
    names = {"rv": "Right ventricle", "myocardium": "Myocardium", "lv": "Left ventricle"}
    report = {
        "case": "Cine", "model": {"id": "heart", "version": "1.0.0", "sha256": "a" * 64}, "frames": rows,
        "segments": [{"id": name, "name": names[name], "color": colors[name], "layer": 0} for name in names],
        "times_known": True, "diagnosis_counts": {"normal": frames}, "warnings": [], "reliable": True, "reasons": [],
        "heart": evaluate_cine(reports, bundle, times_s=times),
    }  # fmt: skip
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Frames")
    result = SequenceResult(None, None, table, browser, volume, report, [], reports)

    def evaluate(diastole, systole, **body):
        heart = evaluate_cine(
            reports, bundle, times_s=times, end_diastole=diastole, end_systole=systole, body=BodySize(**body)
        )
        return replace(result, report={**report, "heart": heart})

    return result, evaluate
