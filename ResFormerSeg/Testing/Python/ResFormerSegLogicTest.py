"""The module's logic in the application: what it refuses, and a whole run where what the engine needs is installed."""

import json
import unittest
from pathlib import Path

import slicer

from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.install.pytorch import missingOtherPackages
from ResFormerSegLib.sample_data import HEAD, SKIN

RUNS_MODELS = "torch or onnxruntime"


def missingPackages() -> list[str]:
    return missingOtherPackages() + ([] if isEngineInstalled() else [RUNS_MODELS])


def loadSample(sample):
    return slicer.util.loadVolume(str(sample.image), {"name": sample.name})


class ResFormerSegLogicTest(unittest.TestCase):
    def setUp(self):
        import ResFormerSeg

        slicer.mrmlScene.Clear(False)
        self.logic = ResFormerSeg.ResFormerSegLogic()

    def assertRefused(self, code, *arguments, **options):
        """The run fails with that code, says why in words, and leaves the scene as it was."""
        from ResFormerSegLib.errors import ResFormerSegError

        nodes = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaises(ResFormerSegError) as caught:
            self.logic.process(*arguments, **options)
        self.assertEqual(caught.exception.code, code)
        self.assertTrue(caught.exception.message)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), nodes)

    def test_everythingThatTheModuleNeedsWasInstalled(self):
        import ResFormerSegLib

        folder = Path(ResFormerSegLib.__file__).resolve().parent.parent
        for name in ("Resources/requirements.txt", "Resources/Icons/ResFormerSeg.png", "resformer_unet/worker/main.py"):
            self.assertTrue((folder / name).is_file(), name)
        models = sorted((folder / "Resources" / "Models").glob("*/model.json"))
        self.assertTrue(models, "no models")
        for descriptor in models:
            self.assertTrue(json.loads(descriptor.read_text(encoding="utf-8"))["title"])
            for name in ("weights.safetensors", "network.onnx"):
                self.assertTrue((descriptor.parent / name).is_file(), name)

    def test_noVolumeIsRefused(self):
        self.assertRefused("NO_VOLUME", None)

    def test_aVolumeWithoutVoxelsIsRefused(self):
        self.assertRefused("VOLUME_EMPTY", slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))

    def test_aModelThatDoesNotExistIsRefused(self):
        if missingPackages():
            self.skipTest(f"The engine cannot run: {missingPackages()} not installed.")
        self.assertRefused("MODEL_NOT_FOUND", loadSample(HEAD), modelId="no such model", device="cpu")

    def test_aVolumeIsSegmentedAndDiagnosed(self):
        self.assertSegmentedAndDiagnosed(HEAD, "brain-tumor-mr")

    def test_anImageIsSegmentedAndDiagnosed(self):
        self.assertSegmentedAndDiagnosed(SKIN, "skin-lesion")

    def assertSegmentedAndDiagnosed(self, sample, modelId):
        if missingPackages():
            self.skipTest(f"The engine cannot run: {missingPackages()} not installed.")
        volume = loadSample(sample)
        before = slicer.util.arrayFromVolume(volume).copy()
        result = self.logic.process(volume, modelId=modelId, device="cpu")
        self.assertTrue((slicer.util.arrayFromVolume(volume) == before).all(), "the volume was changed")
        self.assertEqual(result.tableNode.GetNumberOfRows(), before.shape[0])
        self.assertAlmostEqual(sum(result.probabilities.values()), 1.0, places=3)
        self.assertEqual(result.probability, max(result.probabilities.values()))
        segmented = 0
        for segmentId in result.segmentationNode.GetSegmentation().GetSegmentIDs():
            segmented += slicer.util.arrayFromSegmentBinaryLabelmap(result.segmentationNode, segmentId, volume).sum()
        self.assertEqual(segmented, sum(segment["voxels"] for segment in result.report["segments"]))
