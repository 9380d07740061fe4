"""Diagnoses that must not be missed: what to say of one that is not the most probable, but not excluded either."""

from __future__ import annotations

import numpy as np

from resformer_unet.model.bundle import ModelBundle


def diagnosis_alerts(bundle: ModelBundle, case: np.ndarray) -> list[dict]:
    """Rows on the diagnoses whose probability reaches their operating point without being the most probable one.

    The most probable class needs none: it is the result itself.

    Args:
        case: (diagnoses,) calibrated probabilities of the case.

    Returns:
        For each, the most probable first: ``class``, ``name``, ``probability``, ``threshold``, ``sensitivity`` (that
        the threshold was chosen for), ``specificity`` (measured there by cross-validation), ``text``.
    """
    rows, best = [], int(case.argmax())
    for index, (entry, probability) in enumerate(zip(bundle.diagnoses, case.tolist(), strict=True)):
        point = bundle.operating_points.get(entry["id"])
        if point is None or index == best or probability < point["threshold"]:
            continue
        sensitivity = point["target_sensitivity"]
        rows.append(
            {
                "class": entry["id"],
                "name": entry["name"],
                "probability": probability,
                "threshold": point["threshold"],
                "sensitivity": sensitivity,
                "specificity": point["specificity"],
                "text": f"{entry['name']} not excluded (probability {_percent(probability)}, above the threshold of "
                f"{_percent(sensitivity)} sensitivity)",
            }
        )
    return sorted(rows, key=lambda row: -row["probability"])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"
