"""Results for the tests of reports: drawn masks on a series, with the report that a run would write of them."""

from __future__ import annotations

import numpy as np

from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.report.case import ReportCase, measured_anew

GLIOMA = {"scheme": "SCT", "value": "393564001", "meaning": "Glioma"}
TUMOUR = {
    "category": {"scheme": "SCT", "value": "49755003", "meaning": "Morphologically Altered Structure"},
    "type": {"scheme": "SCT", "value": "108369006", "meaning": "Neoplasm"},
}


def make_case(image: MedicalImage, masks: np.ndarray, diagnosis: bool = True, **changes) -> ReportCase:
    """masks: bool (segments, slices, rows, columns); changes: entries of the report."""
    segments = [
        {"id": f"s{index}", "name": f"Läsion {index}", "value": index + 1, "color": [230, 70, 60], "voxels": 0,
         "volume_mm3": 0.0 if image.has_volumes else None, "longest_diameter_mm": None, "terminology": TUMOUR}
        for index in range(len(masks))
    ]  # fmt: skip
    given = {"label": "glioma", "name": "Glioma", "code": GLIOMA, "probability": 0.9, "calibrated": True}
    given |= {"probabilities": {"glioma": 0.9, "other": 0.1}, "rule_text": "Mean of the slices."}
    area = {} if image.has_areas else None
    grid = {"size": list(image.shape[::-1]), "affine_lps": image.affine.tolist()}
    report = {
        "case": "Müller_Jürgen",
        "model": {"id": "brain-tumor-mr", "version": "1.2.1", "sha256": "ab" * 32},
        "engine": "ONNX Runtime 1.20",
        "device": "cpu",
        "diagnosis": given if diagnosis else None,
        "segments": segments,
        "slices": [{"index": k, "probabilities": {"glioma": 0.9, "other": 0.1}, "area_mm2": area, "voxels": {}}
                   for k in range(image.shape[0])],
        "slice_axis": {"plane": "axial", "array_axis": 0},
        "grid": grid if image.has_orientation else None,
        "warnings": [],
        "reliable": True,
        "reasons": [],
    }  # fmt: skip
    report = {**measured_anew(report, masks, segments), **changes}
    return ReportCase(report, masks, image)


def drawn_masks(count: int, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """bool (count, *shape): random voxels that overlap, and a slice that is empty where there are several."""
    masks = np.random.default_rng(seed).random((count, *shape)) > 0.7
    if shape[0] > 1:
        masks[:, 1] = False
    return masks
