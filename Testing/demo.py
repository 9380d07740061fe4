"""The demonstration: a real head MR goes through the module's logic in a real Slicer scene, with the real engine.

    python Testing/demo.py [--output demo] [--cache .cache] [--model brain-tumor-mr] [--device auto]

Writes scene.mrb (opens in 3D Slicer), <case>.seg.nrrd, <case>.json and picture.png in the output folder, and prints
the diagnosis.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
import time
from pathlib import Path

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer  # noqa: E402

import slicer_bed  # noqa: E402
from helpers.paths import MODULE, ROOT  # noqa: E402
from slicer_demo.case import DemoCase, getCase  # noqa: E402
from slicer_demo.picture import composePicture, readable  # noqa: E402
from slicer_demo.reference import addReference, dice  # noqa: E402
from slicer_demo.views import lesionMask, renderViews  # noqa: E402


def main() -> int:
    options = parseOptions()
    options.output.mkdir(parents=True, exist_ok=True)
    print("Getting the image ...", flush=True)
    case = getCase(options.cache)
    bed = slicer_bed.boot()
    module = slicer_bed.loadModule(MODULE)
    from ResFormerSegLib.errors import ResFormerSegError

    volumeNode = slicer.util.loadVolume(str(case.image), {"name": case.name})
    started = time.monotonic()
    logic = module.ResFormerSegLogic()
    try:
        result = logic.process(volumeNode, options.model, options.device, progress=showProgress)
    except ResFormerSegError as error:
        print(f"\nThe demonstration failed: {error}\n{error.details}", file=sys.stderr)
        return 1
    finally:
        logic.cleanup()
    seconds = time.monotonic() - started
    referenceNode = addReference(case.reference)
    masks = [lesionMask(volumeNode, node) for node in (result.segmentationNode, referenceNode)]
    agreement = dice(*masks)
    files = writeFiles(bed, options.output, case, volumeNode, result, agreement)
    printResult(case, masks[0].shape, result, agreement, seconds, files)
    return 0


def parseOptions() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Runs the module on a real head MR and writes scene, files and a picture."
    )
    parser.add_argument("--output", type=Path, default=ROOT / "demo", help="folder for the results (default: demo)")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".cache", help="folder that keeps the image (default: .cache)"
    )
    parser.add_argument("--model", default="brain-tumor-mr", help="id or folder of the model (default: brain-tumor-mr)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    return parser.parse_args()


def showProgress(fraction: float, message: str) -> None:
    print(f"  {fraction:4.0%}  {message}", flush=True)


def writeFiles(bed, folder: Path, case: DemoCase, volumeNode, result, agreement: float) -> list[Path]:
    """Writes all output files; returns their paths."""
    scene, segmentation, report, picture = (
        folder / name for name in ("scene.mrb", f"{case.name}.seg.nrrd", f"{case.name}.json", "picture.png")
    )
    report.write_text(json.dumps(result.report, indent=2), encoding="utf-8")
    if not slicer.util.saveNode(result.segmentationNode, str(segmentation), {}):
        raise OSError(f"{segmentation} could not be written")

    def saveScene() -> None:
        if not slicer.util.saveScene(str(scene), {}):
            raise OSError(f"{scene} could not be written")

    # The scene is saved while the views are open: it then opens in Slicer as it is seen in the picture.
    views = renderViews(bed, volumeNode, result.segmentationNode, onShown=saveScene)
    composePicture(picture, *views, result.report, agreement)
    return [picture, scene, segmentation, report]


def printResult(case: DemoCase, shape, result, agreement: float, seconds: float, files: list[Path]) -> None:
    report = result.report
    slices, rows, columns = shape
    print(f"\nImage   {case.name}, {columns} x {rows} x {slices} voxels: {case.origin}")
    print(
        f"Model   {report['model']['id']} {report['model']['version']} on {report['device']}, {seconds:.1f} s in all\n"
    )
    print(f"{'Diagnosis':<24}{'probability':>12}")
    for label, probability in sorted(result.probabilities.items(), key=lambda item: -item[1]):
        print(f"{readable(label):<24}{probability:>12.1%}  {'#' * round(30 * probability)}")
    print(textwrap.fill(report["diagnosis"]["rule_text"], 100) + "\n")
    print(f"{'Segment':<24}{'voxels':>12}{'volume':>12}")
    for segment in report["segments"]:
        print(f"{segment['name']:<24}{segment['voxels']:>12}{segment['volume_mm3'] / 1000:>9.1f} ml")
    print(f"Dice with the reference segmentation: {agreement:.3f}\n")
    for warning in result.warnings:
        print(f"Warning: {warning['message']}")
    for path in files:
        print(f"Written: {path}")
    print("\nNot a medical device. For research and teaching; not for clinical use without expert review.")


if __name__ == "__main__":
    sys.exit(main())
