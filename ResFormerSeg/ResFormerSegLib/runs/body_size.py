"""Height and weight of a heart's patient in a result: the indexed values follow them, without another run."""

from __future__ import annotations

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.saved_results import savePatient
from ResFormerSegLib.runs.sequence_results import SequenceResult, saveSequenceResult


def heartOf(result: ProcessingResult | SequenceResult) -> dict | None:
    """The entries of the result that hold `cardiac_function`, and `body` and `indexed` beside it; None without any."""
    heart = result.heart if isinstance(result, SequenceResult) else result.patient
    return heart if heart and heart.get("cardiac_function") else None


def setBody(result: ProcessingResult | SequenceResult, heightCm: float | None, weightKg: float | None) -> None:
    """Changes `body` and `indexed` of a result with a heart, in it and in its nodes.

    Raises ResFormerSegError: BAD_OPTION; the result is then as before.
    """
    from resformer_unet.cardiac.body import BodySize, body_entries
    from resformer_unet.errors import EngineError

    heart = heartOf(result)
    if heart is None:
        return
    try:
        body = BodySize(height_cm=heightCm, weight_kg=weightKg)
    except EngineError as error:
        raise ResFormerSegError.fromEngine(error) from error
    heart.update(body_entries(heart["cardiac_function"], body))
    if isinstance(result, SequenceResult):
        saveSequenceResult(result)
    else:
        savePatient(result)
