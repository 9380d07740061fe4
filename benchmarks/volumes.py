"""Volumes to measure with, drawn from the project's synthetic head at any size; no patient is in them.

python benchmarks/volumes.py FILE.nii.gz --slices 25 --size 256
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

sys.path.append(str(Path(__file__).resolve().parents[1] / "Testing"))

from helpers.synthetic_samples import headSample  # noqa: E402

EXTENT_MM = (180.0, 108.0)  # rows and columns; along the slices
NOISE = 12  # standard deviation, as in the sample: a compressed file of noise-free slices would be read too fast


def head_volume(slices: int, size: int) -> np.ndarray:
    """int16 (slices, size, size): the sample's slices, each enlarged and with its own noise."""
    head = headSample().voxels
    rows, columns = head.shape[1:]
    places = np.linspace(0, len(head) - 1, slices).round().astype(int)
    enlarged = {place: zoom(head[place], (size / rows, size / columns), order=1) for place in set(places)}
    generator = np.random.default_rng(0)
    volume = np.empty((slices, size, size), np.int16)
    for slot, place in zip(volume, places, strict=True):
        noise = generator.normal(0, NOISE, (size, size))
        slot[:] = np.where(enlarged[place] > 0, enlarged[place] + noise, 0).clip(0)
    return volume


def save_head(path: Path, slices: int, size: int) -> None:
    """Write a volume that lies as a head in the scanner; `.nii.gz` is compressed."""
    import SimpleITK as sitk  # what computes in memory does without

    image = sitk.GetImageFromArray(head_volume(slices, size))
    image.SetSpacing((EXTENT_MM[0] / size, EXTENT_MM[0] / size, EXTENT_MM[1] / slices))
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--slices", type=int, default=25)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    save_head(options.file, options.slices, options.size)


if __name__ == "__main__":
    main()
