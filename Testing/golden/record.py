"""Writes `expected.json` anew, from the engine with ONNX Runtime: `python -m golden.record` in `Testing`.

To be run only when the models or the drawings have changed, and the difference be looked at before it is committed: the
golden tests are there to notice that the answers have changed.
"""

from __future__ import annotations

import json
import os


def record() -> None:
    from golden.cases import golden_cases
    from golden.engine_entrance import engine_figures, engine_patient_figures
    from golden.figures import EXPECTED

    device = "cpu:onnx"
    found = {name: engine_figures(case, device) for name, case in golden_cases().items()}
    found["patient"] = engine_patient_figures(device)
    EXPECTED.write_text(json.dumps(_rounded(found), indent=1) + "\n", "utf-8")


def _rounded(value):
    """Numbers to five digits after the point, which is far below the tests' tolerance."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    record()
