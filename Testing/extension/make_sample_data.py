"""Makes the sample images that the module ships, and their thumbnails.

    PYTHONPATH=Testing:ResFormerSeg python -m extension.make_sample_data

To be run after a change of Testing/helpers/synthetic_samples.py; prints the SHA-256 for ResFormerSegLib/sample_data.py.
"""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from helpers.synthetic_samples import SyntheticSample, headSample, skinSample
from ResFormerSegLib.sample_data import HEAD, SAMPLES, SKIN

THUMBNAIL = (240, 160)  # pixels; Sample Data shows thumbnails 3 : 2
CONTOUR = (255, 122, 51)
DRAWINGS = {SKIN.name: skinSample, HEAD.name: headSample}


def drawThumbnail(drawn: SyntheticSample) -> Image.Image:
    """The slice with the largest lesion, with the lesion's contour."""
    k = int(drawn.lesion.sum((1, 2)).argmax())
    pixels = drawn.voxels[k]
    if pixels.ndim == 2:
        pixels = np.repeat((pixels / drawn.voxels.max() * 1.15 * 255).clip(0, 255)[..., None], 3, axis=2)
    frame = ImageOps.fit if pixels.shape[1] > pixels.shape[0] else ImageOps.pad  # a wide picture fills the thumbnail
    picture = frame(Image.fromarray(pixels.astype(np.uint8)), THUMBNAIL, Image.Resampling.LANCZOS)
    mask = frame(Image.fromarray(drawn.lesion[k].astype(np.uint8) * 255), THUMBNAIL, Image.Resampling.BICUBIC)
    mask = mask.filter(ImageFilter.GaussianBlur(1)).point(lambda value: 255 if value > 127 else 0)
    edge = np.asarray(mask.filter(ImageFilter.MaxFilter(3))) > np.asarray(mask.filter(ImageFilter.MinFilter(3)))
    picture.paste(CONTOUR, mask=Image.fromarray(edge))
    corners = Image.new("L", THUMBNAIL, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, THUMBNAIL[0] - 1, THUMBNAIL[1] - 1), 10, fill=255)
    picture.putalpha(corners)
    return picture


if __name__ == "__main__":
    for sample in SAMPLES:
        drawn = DRAWINGS[sample.name]()
        drawn.save(sample.image)
        drawThumbnail(drawn).save(sample.thumbnail, optimize=True)
        print(sample.file, hashlib.sha256(sample.image.read_bytes()).hexdigest())
