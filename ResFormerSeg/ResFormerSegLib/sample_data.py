"""Offers the module's own sample images in the Sample Data module.

They are synthetic and come with the module: Sample Data copies them from a file:// address, without a download.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CATEGORY = "ResFormerSeg"
RESOURCES = Path(__file__).resolve().parent.parent / "Resources"


@dataclass(frozen=True)
class Sample:
    """name: shown to the user, and used in `SampleData.downloadSample(name)`; also the name of the loaded node.

    file: the stem of image and thumbnail. sha256: of the image; Sample Data then replaces an older copy in its cache.
    """

    name: str
    file: str
    sha256: str

    @property
    def image(self) -> Path:
        return RESOURCES / "SampleData" / f"{self.file}.nrrd"

    @property
    def thumbnail(self) -> Path:
        return RESOURCES / "Icons" / f"{self.file}.png"


SKIN = Sample(
    "ResFormerSeg synthetic skin lesion",
    "ResFormerSegSkinSample",
    "753ea32b11fd53f6f308b85c7fea01205c52c4a1535e60c5dd216d453ac3841e",
)
HEAD = Sample(
    "ResFormerSeg synthetic brain MR",
    "ResFormerSegHeadSample",
    "187ecd4b0258fce1493255b5e36ef21175ff50a9a27ec6925107f5313bc2f289",
)
SAMPLES = (SKIN, HEAD)


def registerSampleData() -> None:
    """Adds the samples to the Sample Data module, once; does nothing in an application without that module."""
    try:
        import SampleData
    except ImportError:
        return
    for sample in SAMPLES:
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            uris=sample.image.as_uri(),
            fileNames=sample.image.name,
            nodeNames=sample.name,
            checksums=f"SHA256:{sample.sha256}",
            thumbnailFileName=str(sample.thumbnail),
        )
