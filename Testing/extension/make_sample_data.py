"""Draws the sample images that the module ships, and their thumbnails.

python -m extension.make_sample_data        after a change of Testing/helpers/synthetic_samples.py; then put the
                                            printed SHA-256 into ResFormerSegLib/sample_data.py
"""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from helpers.synthetic_samples import Phantom, headPhantom, skinPhantom  # noqa: E402
from ResFormerSegLib.sample_data import SAMPLES  # noqa: E402

THUMBNAIL = (240, 160)  # pixels; Sample Data shows thumbnails 3 : 2
OUTLINE = (255, 122, 51)
PHANTOMS = {"Skin phantom": skinPhantom, "Head phantom": headPhantom}


def drawThumbnail(phantom: Phantom) -> Image.Image:
    """The slice with the largest lesion, with its outline."""
    k = int(phantom.lesion.sum((1, 2)).argmax())
    pixels = phantom.voxels[k]
    if pixels.ndim == 2:
        pixels = np.repeat((pixels / phantom.voxels.max() * 1.15 * 255).clip(0, 255)[..., None], 3, axis=2)
    frame = ImageOps.fit if pixels.shape[1] > pixels.shape[0] else ImageOps.pad  # a wide picture fills the thumbnail
    picture = frame(Image.fromarray(pixels.astype(np.uint8)), THUMBNAIL, Image.Resampling.LANCZOS)
    mask = frame(Image.fromarray(phantom.lesion[k].astype(np.uint8) * 255), THUMBNAIL, Image.Resampling.BICUBIC)
    mask = mask.filter(ImageFilter.GaussianBlur(1)).point(lambda value: 255 if value > 127 else 0)
    edge = np.asarray(mask.filter(ImageFilter.MaxFilter(3))) > np.asarray(mask.filter(ImageFilter.MinFilter(3)))
    picture.paste(OUTLINE, mask=Image.fromarray(edge))
    corners = Image.new("L", THUMBNAIL, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, THUMBNAIL[0] - 1, THUMBNAIL[1] - 1), 10, fill=255)
    picture.putalpha(corners)
    return picture


if __name__ == "__main__":
    for sample in SAMPLES:
        phantom = PHANTOMS[sample.name]()
        phantom.save(sample.image)
        drawThumbnail(phantom).save(sample.thumbnail, optimize=True)
        print(sample.file, hashlib.sha256(sample.image.read_bytes()).hexdigest())
