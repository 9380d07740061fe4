"""What lies on pictures beside the tissue. Images are float (channels, H, W) of 0 to 1."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from resformer_unet.training.input.augmentation.chances import happens

HIDDEN = 0.05  # share of a lesion's area that may be covered
FINER = 3  # lines are drawn so many times larger, and averaged
WORDS = ("LEFT BREAST", "RT AXILLA", "LT", "RT", "12 MHz", "GAIN 52", "DEPTH 4.0", "MI 0.9", "L", "R", "A", "P", "H")
CHARACTERS = tuple("ABCDEFGHIKLMNPRSTUX0123456789.:/-")


def add_borders(image: Tensor, lesion: Tensor, random: np.random.Generator) -> Tensor:
    """Black borders at some of the four sides; one in three is slanted, as at the edge of a sector or a warped scan.

    The image is left alone if they would hide the lesion (H, W).
    """
    height, width = image.shape[1:]
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    black = torch.zeros(height, width, dtype=torch.bool)
    level = random.uniform(0, 0.06)
    both = random.random() < 0.5  # letterboxing: the same at opposite sides
    first = int(random.integers(4))
    for side in (first, first ^ 1) if both or random.random() < 0.4 else (first,):
        across, along = (rows, columns) if side < 2 else (columns, rows)
        across = across if side % 2 == 0 else 1 - across
        if side == first or not both:
            depth = random.uniform(0.02, 0.16)
            slant = random.uniform(-0.2, 0.2) if random.random() < 1 / 3 else 0.0
        black |= across < depth + slant * (along - 0.5)
    return image if hides(black, lesion) else torch.where(black, level, image)


def add_vignette(image: Tensor, lesion: Tensor, random: np.random.Generator) -> Tensor:
    """Darkness outside a circle that reaches or leaves the picture, with a sharp or a soft edge, as in dermoscopes.

    The image is left alone if that would hide the lesion (H, W).
    """
    height, width = image.shape[1:]
    centre = random.uniform(-0.08, 0.08, 2)
    longer = max(height, width)
    rows = (torch.arange(height)[:, None] - height / 2) / longer - centre[0]
    columns = (torch.arange(width)[None] - width / 2) / longer - centre[1]
    distance = torch.hypot(rows, columns)
    corner = 0.5 * math.hypot(height, width) / longer
    radius = random.uniform(0.47, 0.95 * corner)
    softness = random.uniform(0.004, 0.02) if random.random() < 0.6 else random.uniform(0.05, 0.25)
    inside = torch.sigmoid((radius - distance) / softness * 4)
    darkest = random.uniform(0, 0.25)
    return image if hides(inside < 0.3, lesion) else image * (darkest + (1 - darkest) * inside)


def hides(covered: Tensor, lesion: Tensor) -> bool:
    """Whether more of a lesion (H, W) is covered than may be: its mask would ask for what cannot be seen."""
    return bool((lesion * covered).sum() > HIDDEN * lesion.sum())


def add_text(image: Tensor, random: np.random.Generator) -> Tensor:
    """One to four short texts, mostly near the edge, and sometimes a ruler."""
    height, width = image.shape[1:]
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(random.integers(1, 5))):
        size = random.uniform(0.03, 0.065) * height
        text = (
            str(random.choice(WORDS))
            if random.random() < 0.4
            else "".join(random.choice(CHARACTERS, int(random.integers(1, 9))))
        )
        at = random.random(2)
        if random.random() < 0.75:  # near an edge
            at[random.integers(2)] = random.choice((0.02, 0.92))
        draw.text((at[1] * 0.85 * width, at[0] * 0.95 * height), text, 255, ImageFont.load_default(max(6.0, size)))
    if random.random() < 0.35:
        _ruler(draw, width, height, random)
    return _burnt_in(image, canvas, random.uniform(0.55, 1))


def _ruler(draw: ImageDraw.ImageDraw, width: int, height: int, random: np.random.Generator) -> None:
    """Ticks along one of the edges, every fifth one longer."""
    upright = random.random() < 0.7
    length, depth = (height, width) if upright else (width, height)
    step, base = random.uniform(0.02, 0.08) * length, random.choice((0.01, 0.96)) * depth
    for number, position in enumerate(np.arange(random.uniform(0, 1) * step, length, step)):
        tick = (0.025 if number % 5 == 0 else 0.012) * depth
        line = (base, position, base + tick, position) if upright else (position, base, position, base + tick)
        draw.line(line, 255)


def add_callipers(image: Tensor, lesion: Tensor, random: np.random.Generator) -> Tensor:
    """One or two pairs of crosses, some joined by dots: at the ends of the lesion, or as often anywhere else.

    Args:
        lesion: (H, W) of 0 and 1.
    """
    height, width = image.shape[1:]
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    centre, radii = random.uniform(0.2, 0.8, 2) * (height, width), random.uniform(0.04, 0.2, 2) * height
    angle = random.uniform(-0.5, 0.5)
    if lesion.any() and random.random() < 0.5:
        extent = [(float(index.min()), float(index.max())) for index in lesion.nonzero(as_tuple=True)]
        centre = np.array([sum(ends) / 2 for ends in extent])
        radii = np.array([(high - low) / 2 + 1 for low, high in extent])
        angle = random.uniform(-0.15, 0.15)
    arm, dotted, level = random.uniform(0.012, 0.025) * height, random.random() < 0.5, random.uniform(0.6, 1)
    for axis in (0, 1) if random.random() < 0.6 else (int(random.integers(2)),):
        turn = angle + axis * math.pi / 2
        reach = np.array([math.sin(turn), math.cos(turn)]) * radii[1 - axis]
        ends = (centre - reach, centre + reach)
        for row, column in ends:
            draw.line((column - arm, row, column + arm, row), 255)
            draw.line((column, row - arm, column, row + arm), 255)
        if dotted:
            for part in np.linspace(0, 1, max(2, int(np.hypot(*reach) * 2 / 4))):
                row, column = ends[0] + part * (ends[1] - ends[0])
                draw.point((column, row), 200)
    return _burnt_in(image, canvas, level)


def add_hairs(image: Tensor, random: np.random.Generator) -> Tensor:
    """Curved lines, dark brown or fair, thin, in about one direction; some only as short as stubble."""
    height, width = image.shape[1:]
    canvas = Image.new("L", (width * FINER, height * FINER))
    draw = ImageDraw.Draw(canvas)
    direction, stubble = random.uniform(0, 2 * math.pi), happens(0.3, random)
    count = int(random.integers(8, 60)) if stubble else int(random.integers(2, 25))
    thickness = random.uniform(0.3, 1.1) * height / 224
    steps = np.linspace(0, 1, 9)
    for _ in range(count):
        length = (random.uniform(0.02, 0.06) if stubble else random.uniform(0.25, 1)) * height * FINER
        turn = direction + random.normal(0, 0.35) + random.normal(0, 0.2 if stubble else 1.2) * steps
        path = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=1) * length / len(steps), axis=0)
        path += random.random(2) * canvas.size - path[4]
        draw.line([tuple(point) for point in path], 255, max(1, round(thickness * FINER * random.uniform(0.6, 1.3))))
    drawn = canvas.reduce(FINER)
    tone = (0.12, 0.07, 0.06) if random.random() < 0.8 else (0.85, 0.78, 0.66)
    colour = torch.tensor(tone if len(image) == 3 else [sum(tone) / 3] * len(image))
    return _covered(image, drawn, colour[:, None, None], random.uniform(0.5, 0.95))


def _burnt_in(image: Tensor, drawn: Image.Image, level: float) -> Tensor:
    return _covered(image, drawn, torch.tensor(level), 1.0)


def _covered(image: Tensor, drawn: Image.Image, colour: Tensor, opacity: float) -> Tensor:
    """The image with what is drawn on a black canvas in a colour."""
    cover = torch.from_numpy(np.asarray(drawn).astype(np.float32)) * (opacity / 255)
    return image + cover * (colour - image)
