"""Height and weight of a volume's patient, as the DICOM header of its series states them."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.scene.dicom_source import anyFileOf

# Attribute of the header, the factor to the option's unit, and the option of `resformer_unet.cardiac.body.BodySize`.
_TAGS = (("0010,1020", 100.0, "height_cm"), ("0010,1030", 1.0, "weight_kg"))  # metres and kilograms


def bodyInDicom(volumeNode) -> tuple[dict[str, float], str]:
    """{"height_cm", "weight_kg"}, as far as they are stated, and a sentence on values that cannot be, else "".

    Headers state zero for what is unknown. What cannot be is left out: a height in centimetres, say, which DICOM has in
    metres, is not guessed. A volume that is not in the DICOM database has neither.
    """
    from resformer_unet.cardiac.body import BodySize
    from resformer_unet.errors import EngineError

    file = anyFileOf(volumeNode)
    if not file:
        return {}, ""
    stated = {name: factor * _number(slicer.dicomDatabase.fileValue(file, tag)) for tag, factor, name in _TAGS}
    body, problems = {}, []
    for name, value in stated.items():
        if not value:
            continue
        try:
            BodySize(**{name: value})
            body[name] = value
        except EngineError as error:
            problems.append(error.message)
    try:
        BodySize(**body)
    except EngineError as error:
        body = {}
        problems.append(error.message)
    if not problems:
        return body, ""
    text = _("Not taken from the DICOM header: {problems} Enter it with the cardiac function.")
    return body, text.format(problems=" ".join(problems))


def _number(text: str) -> float:
    """Zero for anything that is no number."""
    try:
        return float(text)
    except ValueError:
        return 0.0
