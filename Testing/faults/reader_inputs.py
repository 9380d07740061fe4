"""Small sound files for every reader; each is read before it is damaged."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import tifffile
from PIL import Image

from helpers.dicom_files import stored_values, without_preamble, write_frames, write_report, write_slices
from helpers.synthetic_images import oblique_affine, volume, write_picture, write_volume
from helpers.tiny_model import TINY_NETWORK

# Of a hundred inputs.
SHARES = {
    "images": 42, "DICOM": 15, "model.json": 9, "weights": 7, "network.onnx": 7, "worker protocol": 8, "labels.csv": 5,
    "recipe": 4, "list of inputs": 1, "earlier report": 2,
}  # fmt: skip


def write_inputs(folder: Path, models: Path) -> dict[str, list[Path]]:
    """Files, or folders of DICOM files, by reader; the stem of each names its kind."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "pictures").mkdir(parents=True)
    found = {"images": _images(folder / "pictures"), "DICOM": _dicom(folder / "dicom")}
    shutil.copytree(models / "grey", folder / "model")
    found["model.json"] = [folder / "model" / "model.json"]
    found["weights"] = [folder / "model" / "weights.safetensors"]
    found["network.onnx"] = [folder / "model" / "network.onnx"]
    shutil.copytree(models / "heart", folder / "heart")
    found["worker protocol"] = _commands(folder / "commands", folder / "model", folder / "heart")
    found["labels.csv"] = [_data_set(folder / "set")]
    found["recipe"] = [_recipe(folder / "recipe.json")]
    found["list of inputs"] = [folder / "list.txt"]
    found["list of inputs"][0].write_text("a.png\n“b c”.nii.gz\nd\n", "utf-8")
    found["earlier report"] = [_report(folder / "case.json")]
    return found


def _images(folder: Path) -> list[Path]:
    noise = np.random.default_rng(0)
    grey, colours = noise.integers(0, 255, (20, 24), np.uint8), noise.integers(0, 255, (20, 24, 3), np.uint8)
    wide = grey.astype(np.uint16) * 256
    found = [
        write_picture(folder / "PNG grey.png", grey),
        write_picture(folder / "PNG colour.png", colours),
        write_picture(folder / "PNG 16 bit.png", wide),
        write_picture(folder / "JPEG.jpg", colours),
        write_picture(folder / "BMP.bmp", colours),
        write_volume(folder / "NRRD raw.nrrd", volume(3), oblique_affine()),
        write_volume(folder / "NIfTI.nii", volume(3), oblique_affine()),
        write_volume(folder / "NIfTI gz.nii.gz", volume(3), oblique_affine()),
        write_volume(folder / "MHA.mha", volume(3), oblique_affine()),
        write_volume(folder / "MHD.mhd", volume(3), oblique_affine()),
        write_volume(folder / "NHDR.nhdr", volume(3), oblique_affine()),
    ]
    pictures = {
        "PNG grey alpha.png": (Image.merge("LA", [Image.fromarray(grey)] * 2), {}),
        "PNG palette.png": (Image.fromarray(colours).quantize(), {}),
        "JPEG 2000.jp2": (Image.fromarray(colours), {}),
        "BMP 1 bit.bmp": (Image.fromarray(grey).convert("1"), {}),
        "JPEG rotated.jpg": (Image.fromarray(grey), {"exif": _turned()}),
    }
    for name, (picture, options) in pictures.items():
        picture.save(folder / name, **options)
        found.append(folder / name)
    tiffs = {
        "TIFF.tif": (grey, {}),
        "TIFF pages.tif": (volume(3).astype(np.uint16), {"photometric": "minisblack"}),
        "TIFF float.tif": (wide.astype(np.float32), {}),
        "TIFF white is zero.tif": (grey, {"photometric": "miniswhite"}),
        "TIFF deflate.tif": (wide, {"compression": "zlib"}),
        "TIFF tiles.tif": (colours, {"tile": (16, 16), "photometric": "rgb"}),
        "BigTIFF.tif": (wide, {"bigtiff": True}),
    }
    for name, (pixels, options) in tiffs.items():
        big = {"bigtiff": options.pop("bigtiff", False)}
        with tifffile.TiffWriter(folder / name, **big) as writer:
            writer.write(pixels, **options)
        found.append(folder / name)
    packed = sitk.GetImageFromArray(volume(3))
    sitk.WriteImage(packed, str(folder / "NRRD gzip.nrrd"), useCompression=True)
    return [*found, folder / "NRRD gzip.nrrd"]


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _dicom(folder: Path) -> list[Path]:
    folder.mkdir()
    voxels = stored_values(4, 10, 12)
    frames = [write_frames(folder / "frames.dcm", voxels, range(4), slopes=(1, 2, 1, 1))]
    single = write_slices(folder / "one", voxels[:1], name="slice{:d}.dcm") / "slice1.dcm"
    early = without_preamble(Path(shutil.copyfile(single, folder / "without preamble.dcm")))
    series = write_slices(folder / "series", voxels)
    return [*frames, single, early, series, series, write_report(folder / "report.dcm")]


def _commands(folder: Path, model: Path, heart: Path) -> list[Path]:
    folder.mkdir()
    np.save(folder / "image.npy", volume(3))
    np.save(folder / "labels.npy", (volume(3) % 3).astype(np.uint8)[None])
    (folder / "output").mkdir()
    affine = oblique_affine().tolist()
    image = {"array": str(folder / "image.npy"), "affine_lps": affine, "name": "Gehirn", "has_orientation": True}
    described = json.loads((heart / "model.json").read_text("utf-8"))
    segments = [{"id": segment["id"], "volume_mm3": 3.5} for segment in described["segmentation"]["segments"]]
    areas = [{"area_mm2": {segment["id"]: 1.0 for segment in segments}}]
    model_of_report = {"id": described["id"], "version": "1.0.0", "sha256": described["weights"]["sha256"]}
    report = {"case": "a", "model": model_of_report, "segments": segments, "slices": areas, "warnings": []}
    segment = {"id": "s", "name": "S", "value_first": 1, "value_second": 2, "layer_first": 0, "layer_second": 0}
    labels = str(folder / "labels.npy")
    commands = {
        "predict": {
            "model": str(model), "image": image, "output": str(folder / "output"), "device": "cpu",
            "options": {"slice_axis": None, "slices": [0, 2], "min_area_mm2": 0.5, "smoothing_mm": 0.5},
            "temporary_folder": str(folder / "output"),
        },
        "compare": {"first": labels, "second": labels, "segments": [segment], "affine_lps": affine},
        "patient": {"model": str(heart), "reports": [report, {**report, "case": "b"}]},
        "rank": {"models": [str(model)], "image": image, "device": "cpu"},
    }  # fmt: skip
    for name, command in commands.items():
        (folder / f"{name}.json").write_text(json.dumps({"command": name, "id": "1", **command}))
    return [folder / f"{name}.json" for name in commands]


def _data_set(folder: Path) -> Path:
    rows = [
        {"id": f"case{number}", "label": "benign", "split": split, "group": "", "orig_w": "30", "orig_h": "20"}
        for number, split in enumerate(("train", "train", "val", "test"))
    ]
    for row in rows:
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            write_picture(folder / name / f"{row['id']}.png", np.zeros((9, 9), np.uint8))
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "labels.csv"


def _recipe(path: Path) -> Path:
    augmentation = {"lesion_inpainting": 0.3, "noise": 0.2, "transpose": 0.5, "rotation": 90}
    training = {"network": {**TINY_NETWORK, "dropout": 0.3}, "epochs": 4, "batch_size": 3, "ema_decay": 0.6}
    path.write_text(json.dumps({"descriptor": None, "training": {**training, "augmentation": augmentation}}))
    return path


def _report(path: Path) -> Path:
    state = {"files": 1, "bytes": 100, "sha256": "0" * 64}
    report = {
        "input": "/a/b.png",
        "series": None,
        "input_state": state,
        "files": {},
        "options": {},
        "model": {"id": "x"},
    }
    path.write_text(json.dumps(report))
    return path
