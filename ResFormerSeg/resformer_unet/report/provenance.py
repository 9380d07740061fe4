"""Who made a DICOM object, with which model, and the codes that it uses; for segmentation and report alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from resformer_unet import __version__
from resformer_unet.errors import EngineError

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

MANUFACTURER = "ResFormerSeg contributors"
PRODUCT = "ResFormer-UNet"
PRIVATE_SCHEME = "99RESFORMERSEG"  # names of classes that no public terminology has a code for; 16 characters at most
_LONGEST_MEANING = 64  # characters of a code's meaning, as of every LO


def equipment(report: Mapping) -> dict:
    """Arguments of highdicom's objects that name the software."""
    model = report["model"]
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": PRODUCT,
        "software_versions": [__version__, shortened(f"{model['id']} {model['version']}")],  # pydicom takes no tuple
        "device_serial_number": model["sha256"][:16],  # of the weights: what this “device” is
    }


def algorithm_name(report: Mapping) -> str:
    return shortened(f"{PRODUCT} {report['model']['id']}")


def algorithm_version(report: Mapping) -> str:
    return shortened(report["model"]["version"])


def parameters(report: Mapping) -> dict[str, str]:
    """What tells this run of the algorithm from others."""
    return {"weights_sha256": report["model"]["sha256"], "engine": report["engine"], "device": report["device"]}


def concept(code: Mapping) -> CodedConcept:
    """A code of a descriptor, with ``scheme``, ``value`` and ``meaning``."""
    from highdicom.sr import CodedConcept

    return CodedConcept(value=code["value"], scheme_designator=code["scheme"], meaning=shortened(code["meaning"]))


def private_concept(value: str, meaning: str) -> CodedConcept:
    """A code of this project, for what no public terminology has one for."""
    return concept({"scheme": PRIVATE_SCHEME, "value": value, "meaning": meaning})


def class_concept(diagnosis: Mapping) -> CodedConcept:
    """The code of the most probable class."""
    return concept(diagnosis["code"]) if diagnosis["code"] else private_concept(diagnosis["label"], diagnosis["name"])


def check_codes(segments: list[Mapping]) -> None:
    """DICOM asks for a coded category and type of each segment; an invented one would be wrong silently.

    Raises:
        EngineError: SEGMENT_WITHOUT_CODE.
    """
    for segment in segments:
        codes = segment.get("terminology") or {}
        if not all((codes.get(part) or {}).get("value") for part in ("category", "type")):
            raise EngineError(
                "SEGMENT_WITHOUT_CODE",
                f"The segment “{segment['name']}” has no code for its category and type, which DICOM needs.",
                "Choose its terminology (in 3D Slicer: double-click its colour in Segment Editor), or remove it.",
            )


def tracking_uid(report: Mapping, series: str, what: str) -> str:
    """The same for the same finding by the same model in the same series, however often a report of it is made."""
    text = "\n".join((series, report["model"]["sha256"], what))
    return f"2.25.{int(hashlib.sha256(text.encode()).hexdigest()[:32], 16)}"


def shortened(text: str) -> str:
    """As a value representation LO takes it: 64 characters, no backslash and no line break."""
    text = " ".join(text.replace("\\", "/").split())
    return text if len(text) <= _LONGEST_MEANING else f"{text[: _LONGEST_MEANING - 1]}…"
