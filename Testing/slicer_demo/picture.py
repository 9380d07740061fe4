"""Combines the two views and the diagnosis in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANEL_HEIGHT = 250
BACKGROUND, TEXT, QUIET, BAR, TRACK = (22, 26, 33), (240, 243, 247), (150, 160, 173), (230, 90, 70), (48, 55, 66)
MARGIN = 36
REFERENCE_COLOR = (250, 214, 80)
WARNING = (240, 180, 60)
REASONS = {"OUT_OF_DISTRIBUTION": "Unlike the training images"}


def composePicture(path: Path, flat: np.ndarray, solid: np.ndarray, report: dict, dice: float | None = None) -> None:
    """Writes a PNG: the slice on the left, 3D on the right, the diagnosis beneath.

    flat, solid: uint8 (height, width, 3), of one size. dice: with the reference segmentation, None without one.
    """
    height, width = flat.shape[:2]
    picture = Image.new("RGB", (2 * width, height + PANEL_HEIGHT), BACKGROUND)
    picture.paste(Image.fromarray(flat), (0, 0))
    picture.paste(Image.fromarray(solid), (width, 0))
    draw = ImageDraw.Draw(picture)
    draw.line((width, 0, width, height), fill=TRACK, width=2)
    _drawSides(draw, width, height)
    top = height + 30
    _drawDiagnosis(draw, MARGIN, top, report)
    _drawBars(draw, width - 130, top, report["diagnosis"], QUIET if report.get("reasons") else TEXT)
    _drawSegments(draw, width + 460, top, report, dice)
    draw.text(
        (2 * width - MARGIN, height + PANEL_HEIGHT - 22),
        "Not a medical device. For research and teaching; not for clinical use without expert review.",
        font=_font(17),
        fill=QUIET,
        anchor="rb",
    )
    picture.save(path, optimize=True)


def _drawSides(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """The sides of the patient at the edges of the axial slice, as radiologists see it."""
    for text, place, anchor in (
        ("R", (16, height // 2), "lm"),
        ("L", (width - 18, height // 2), "rm"),
        ("A", (width // 2, 14), "ma"),
        ("P", (width // 2, height - 16), "md"),
    ):
        draw.text(place, text, font=_font(22), fill=TEXT, anchor=anchor, stroke_width=3, stroke_fill=(0, 0, 0))


def _drawDiagnosis(draw: ImageDraw.ImageDraw, left: int, top: int, report: dict) -> None:
    diagnosis = report["diagnosis"]
    draw.text((left, top), "DIAGNOSIS", font=_font(17), fill=QUIET)
    name, probability = diagnosis.get("name") or readable(diagnosis["label"]), f"{diagnosis['probability']:.0%}"
    if report.get("reasons"):  # it must not look like a result
        draw.text((left, top + 30), "Not reliable", font=_font(50), fill=WARNING)
        text = f"{REASONS.get(report['reasons'][0], 'See the report')}; the model says: {name}, {probability}"
        draw.text((left, top + 100), text, font=_font(19), fill=QUIET)
    else:
        draw.text((left, top + 30), name, font=_font(50), fill=TEXT)
        draw.text((left, top + 96), f"{probability} probability", font=_font(26), fill=TEXT)
    model = f"model {report['model']['id']} {report['model']['version']} on {report['device']}"
    draw.text((left, top + 146), model, font=_font(19), fill=QUIET)


def _drawBars(draw: ImageDraw.ImageDraw, left: int, top: int, diagnosis: dict, color: tuple[int, int, int]) -> None:
    """A bar per class, the most probable first; ``color``: of the texts and, if it is grey, of the bars."""
    draw.text((left, top), "PROBABILITY OF EACH CLASS", font=_font(17), fill=QUIET)
    ranked = sorted(diagnosis["probabilities"].items(), key=lambda item: -item[1])
    for row, (label, probability) in enumerate(ranked[:5]):
        y = top + 36 + 42 * row
        draw.text((left, y + 12), readable(label), font=_font(21), fill=color, anchor="lm")
        start, length = left + 170, 220
        draw.rounded_rectangle((start, y + 2, start + length, y + 22), 5, fill=TRACK)
        if probability * length >= 2:
            draw.rounded_rectangle(
                (start, y + 2, start + probability * length, y + 22), 5, fill=BAR if color == TEXT else color
            )
        draw.text((start + length + 14, y + 12), f"{probability:.1%}", font=_font(21), fill=color, anchor="lm")


def _drawSegments(draw: ImageDraw.ImageDraw, left: int, top: int, report: dict, dice: float | None) -> None:
    """The legend of the segments in the slice."""
    draw.text((left, top), "SEGMENTED", font=_font(17), fill=QUIET)
    entries = [
        (tuple(segment["color"]), f"{segment['name']}  {segment['volume_mm3'] / 1000:.1f} ml")
        for segment in report["segments"][:3]
    ]
    if dice is not None:
        entries.append((REFERENCE_COLOR, f"Reference  (Dice {dice:.2f})"))
    for row, (color, text) in enumerate(entries):
        y = top + 36 + 42 * row
        draw.rounded_rectangle((left, y + 3, left + 20, y + 23), 4, fill=color)
        draw.text((left + 34, y + 12), text, font=_font(21), fill=TEXT, anchor="lm")


def readable(identifier: str) -> str:
    """`seborrheic_keratosis` as "Seborrheic keratosis"."""
    return identifier.replace("_", " ").capitalize()


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font: the same on every machine."""
    return ImageFont.load_default(size)
