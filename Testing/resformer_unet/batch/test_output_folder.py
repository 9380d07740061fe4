"""An output folder that goes while images are predicted into it."""

from __future__ import annotations

import numpy as np

from helpers.synthetic_images import write_picture
from helpers.tiny_model import save_tiny
from resformer_unet.batch import case_files
from resformer_unet.batch.run import predict_files

SHADES = np.arange(40 * 48).reshape(40, 48).astype(np.uint8)


def test_an_output_folder_that_is_removed_costs_the_case_being_written_and_is_named(tmp_path, monkeypatch):
    save_tiny(tmp_path / "model")
    inputs = [write_picture(tmp_path / f"{name}.png", SHADES) for name in ("first", "second")]
    digest = case_files.sha256_of

    def removing(path):
        if not (tmp_path / "removed").exists():
            path.parent.rename(tmp_path / "removed")
        return digest(path)

    monkeypatch.setattr(case_files, "sha256_of", removing)
    outcomes = predict_files(inputs, str(tmp_path / "model"), tmp_path / "out", device="cpu:torch")
    first, second = (outcome.result for outcome in outcomes)
    assert first.code == "OUTPUT_NOT_WRITABLE" and "first" in str(first)
    assert second["case"] == "second"
