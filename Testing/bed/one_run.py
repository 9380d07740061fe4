"""One run of the module with its real worker, in a process of its own; prints a hash of the masks.

PYTHONPATH=Testing python -m bed.one_run MODEL_FOLDER [LOCALE_WITH_A_DECIMAL_COMMA]
"""

import hashlib
import locale
import sys

import numpy as np
import slicer

import slicer_bed
from helpers.paths import MODULE
from helpers.scene_helpers import makeVolume, segmentArray


def main(model: str, numbers: str = "") -> str:
    if numbers:
        locale.setlocale(locale.LC_ALL, numbers)
        assert locale.localeconv()["decimal_point"] == ","
    slicer_bed.boot()
    return maskOfRun(slicer_bed.loadModule(MODULE), model)


def maskOfRun(module, model) -> str:
    """The hash of the masks of a drawn volume, by a worker that ends with the run."""
    volume = makeVolume(shape=(4, 40, 50), oblique=True)
    voxels = np.random.default_rng(0).integers(0, 256, (4, 40, 50)).astype(np.int16)
    slicer.util.updateVolumeFromArray(volume, voxels)
    logic = module.ResFormerSegLogic()
    result = logic.process(volume, str(model), device="cpu", smoothingMm=0.7, minimumAreaMm2=1.5)
    logic.cleanup()
    masks = [segmentArray(result.segmentationNode, row["id"], volume) for row in result.report["segments"]]
    assert all(mask.any() for mask in masks)
    return hashlib.sha256(np.stack(masks).tobytes()).hexdigest()


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
