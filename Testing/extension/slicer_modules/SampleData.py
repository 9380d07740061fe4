"""Stands for Slicer's module Sample Data, as far as other modules see it: registering, downloading, loading.

The names and the cache's behaviour are those of the application: a file is fetched once, and again when its SHA-256 is
not the expected one.
"""

import hashlib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import slicer


@dataclass(frozen=True)
class SampleDataSource:
    sampleName: str
    uris: str
    fileNames: str
    nodeNames: str
    checksums: str
    thumbnailFileName: str


class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataSource(category="Custom", **source) -> None:
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        sources = slicer.modules.sampleDataSources.setdefault(category, [])
        if SampleDataSource(**source) not in sources:
            sources.append(SampleDataSource(**source))

    def downloadSample(self, sampleName: str):
        """The loaded node of the sample of that name."""
        sources = [source for group in slicer.modules.sampleDataSources.values() for source in group]
        source = next(source for source in sources if source.sampleName == sampleName)
        folder = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
        path = folder / source.fileNames
        if not path.exists() or _checksum(path) != source.checksums:
            urllib.request.urlretrieve(source.uris, path)
        if _checksum(path) != source.checksums:
            raise ValueError(f"{path} has not the expected checksum")
        node = slicer.util.loadVolume(str(path), {"name": source.nodeNames})
        node.SetAndObserveStorageNodeID(None)
        return node


def downloadSample(sampleName: str):
    return SampleDataLogic().downloadSample(sampleName)


def _checksum(path: Path) -> str:
    return f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
