"""Kinds of image files by their first bytes."""

from __future__ import annotations

import gzip

import pytest

from resformer_unet.image.file_kinds import kind_of

# From the formats' own specifications: where in a file its signature lies.
SIGNATURES = {
    "png": (0, b"\x89PNG\r\n\x1a\n"),
    "jpeg": (0, b"\xff\xd8\xff\xe0"),
    "jp2": (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    "tiff": (0, b"II*\x00"),
    "bmp": (0, b"BM"),
    "nrrd": (0, b"NRRD0004"),
    "metaimage": (0, b"ObjectType = Image"),
    "dicom": (128, b"DICM"),
    "nifti": (344, b"n+1\x00"),
    "nifti2": (4, b"n+2\x00"),
}


@pytest.mark.parametrize("kind", SIGNATURES)
def test_a_signature_counts_only_at_its_place(kind):
    offset, signature = SIGNATURES[kind]
    filler = b"\x01" * offset
    assert kind_of(filler + signature + bytes(20)) == kind
    assert kind_of(filler + b"\x01" + signature + bytes(20)) is None
    assert kind_of(filler + signature[:1] + bytes(20)) is None


@pytest.mark.parametrize("start", [b"MM\x00*", b"II+\x00", b"MM\x00+"])
def test_every_byte_order_and_size_of_a_tiff_is_known(start):
    assert kind_of(start + bytes(20)) == "tiff"


def test_a_gzip_is_known_by_what_is_in_it():
    nifti = bytes(344) + b"n+1\x00" + bytes(100)
    assert kind_of(gzip.compress(nifti)) == "nifti.gz"
    assert kind_of(gzip.compress(bytes(4) + b"n+2\x00" + bytes(600))) == "nifti2"
    assert kind_of(gzip.compress(b"text")) == "gzip" and kind_of(b"\x1f\x8b and no gzip") == "gzip"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "dicom"),
        (b"\x02\x00\x00\x00UL\x04\x00\xb0\x00\x00\x00", "dicom"),
        (b"\x08\x00\x00\x00\x04\x00\x00\x00\xb0\x00\x00\x00", "dicom"),  # implicit value representation
        (b"\x08\x00\x05\x00zz\xff\x7f", None),
        (b"\x10\x00\x10\x00PN\x04\x00", None),
        (b"\x08\x00", None),
        (b"", None),
    ],
)
def test_dicom_without_preamble_is_known_by_its_first_element(start, kind):
    assert kind_of(start) == kind
