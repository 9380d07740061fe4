"""A heart from its cine: volume curves, end-diastole and end-systole, cardiac function and the patient's diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.cardiac.basal_slices import basal_warnings
from resformer_unet.cardiac.body import BodySize, body_entries
from resformer_unet.cardiac.function_parameters import SEGMENTS, cardiac_function
from resformer_unet.cardiac.patient_diagnosis import diagnose_patient
from resformer_unet.cardiac.phase_warnings import phase_warnings
from resformer_unet.cardiac.volume_curve import curve_warnings, find_phases, volume_curves
from resformer_unet.errors import EngineError
from resformer_unet.inference.reliability import reasons_of, reliability
from resformer_unet.model.bundle import ModelBundle


def is_heart_model(bundle: ModelBundle) -> bool:
    """Whether a model segments both ventricles and the myocardium."""
    return set(SEGMENTS) <= {segment["id"] for segment in bundle.segments}


def evaluate_cine(
    reports: Sequence[Mapping | None],
    bundle: ModelBundle,
    *,
    frames: Sequence[int] | None = None,
    times_s: Sequence[float] | None = None,
    end_diastole: int | None = None,
    end_systole: int | None = None,
    body: BodySize | None = None,
) -> dict:
    """The heart's function over one cycle.

    Args:
        reports: of each frame in order of time, those of :func:`.heart_report` or complete; ``None`` where a frame
            failed.
        bundle: the model that made them.
        frames: the numbers of the frames in the input; 0, 1, 2 ... without.
        times_s: of these frames, if known.
        end_diastole, end_systole: numbers of frames that a user chose; those that are not given are found from the
            volume curve of the left ventricle.
        body: for indexed values.

    Returns:
        ``end_diastole``, ``end_systole`` (numbers of frames) and ``phases_found`` (the numbers that the curve gives);
        ``curves`` with ``frames``, ``time_s`` or ``None``, ``lv_ml``, ``rv_ml``, ``myocardium_ml`` (``None`` where
        not found); ``cardiac_function`` of :func:`.cardiac_function`; ``body`` and ``indexed`` of
        :func:`.body_entries`; ``cases``, ``diagnosis``, ``warnings``, ``reliable`` and
        ``reasons`` as of :func:`.diagnose_patient` (``diagnosis`` is ``None`` for a model that diagnoses no patients).

    Raises:
        EngineError: HEART_NOT_FOUND, NO_SUCH_FRAME, PHASES_SWAPPED, and those of :func:`.diagnose_patient`.
    """
    frames, body = list(range(len(reports)) if frames is None else frames), body or BodySize()
    curves = volume_curves(reports)
    found = find_phases(curves["lv"])
    diastole, systole = (
        own if chosen is None else _position(chosen, frames, reports)
        for own, chosen in zip(found, (end_diastole, end_systole), strict=True)
    )
    if not curves["lv"][diastole] >= curves["lv"][systole] or diastole == systole:
        raise _swapped(frames[diastole], frames[systole])
    pair = [reports[diastole], reports[systole]]
    if bundle.descriptor.get("patient_diagnosis"):
        patient = diagnose_patient(pair, bundle)
    else:
        patient = _without_diagnosis(pair)
    own = [*curve_warnings(curves, frames, times_s), *basal_warnings(reports, frames, diastole, systole)]
    reasons = [*patient["reasons"], *(row["code"] for row in own)]
    return {
        **patient,
        "end_diastole": frames[diastole],
        "end_systole": frames[systole],
        "phases_found": {"end_diastole": frames[found[0]], "end_systole": frames[found[1]]},
        "curves": {
            "frames": frames,
            "time_s": None if times_s is None else [round(time, 6) for time in times_s],
            **{f"{name}_ml": [None if np.isnan(value) else float(value) for value in curves[name]] for name in curves},
        },
        **body_entries(patient["cardiac_function"], body),
        "warnings": [*own, *patient["warnings"]],
        **reliability(reasons),
        "not_for_clinical_use": NOT_FOR_CLINICAL_USE,
    }


def _without_diagnosis(pair: Sequence[Mapping]) -> dict:
    warnings = phase_warnings(*pair)
    reasons = [*(code for report in pair for code in reasons_of(report)), *(row["code"] for row in warnings)]
    return {
        "cases": [report["case"] for report in pair],
        "model": dict(pair[0]["model"]),
        "diagnosis": None,
        "cardiac_function": cardiac_function(*pair),
        "warnings": warnings,
        **reliability(reasons),
    }


def _position(frame: int, frames: Sequence[int], reports: Sequence[Mapping | None]) -> int:
    if frame not in frames or reports[frames.index(frame)] is None:
        raise EngineError(
            "NO_SUCH_FRAME",
            f"Frame {frame} is none of the frames with a result ({frames[0]} to {frames[-1]}).",
            "Choose one of them.",
        )
    return frames.index(frame)


def _swapped(diastole: int, systole: int) -> EngineError:
    return EngineError(
        "PHASES_SWAPPED",
        f"The left ventricle is not larger in frame {diastole} than in frame {systole}, so these cannot be "
        "end-diastole and end-systole.",
        "Choose the frame with the larger left ventricle as end-diastole.",
    )
