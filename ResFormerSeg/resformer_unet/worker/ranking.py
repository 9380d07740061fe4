"""The command ``rank``: which of several models knows images like this one."""

from __future__ import annotations

from resformer_unet.worker.array_files import read_array
from resformer_unet.worker.protocol import CommandContext


def rank(command: dict, context: CommandContext) -> dict:
    """The model that ``predict`` keeps loaded stays so."""
    from resformer_unet.image.medical_image import image_from_array
    from resformer_unet.inference.model_ranking import rank_models

    source = command["image"]
    image = image_from_array(
        read_array(source["array"], "image.array"),
        source["affine_lps"],
        source["name"],
        source.get("has_orientation", True),
    )
    device = command.get("device") or "cpu"
    ranking = rank_models(
        image, command["models"], device, progress=context.progress, cancelled=context.cancelled
    )  # fmt: skip
    return {"ranking": ranking}
