"""The self test that the application starts from the module's developer section, and CMake as a test."""

from __future__ import annotations

import unittest

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.install.pytorch import missingOtherPackages
from ResFormerSegLib.sample_data import SAMPLES


class ResFormerSegTest(ScriptedLoadableModuleTest):
    """Each test_ method runs on its own, in an empty scene; those that need the engine are skipped without it."""

    def setUp(self) -> None:
        import ResFormerSeg

        slicer.mrmlScene.Clear(False)
        self.logic = ResFormerSeg.ResFormerSegLogic()

    def runTest(self) -> None:
        for test in (
            self.test_aMissingVolumeIsRefusedInPlainWords,
            self.test_thePanelOpens,
            self.test_aPictureIsOutlinedAndDiagnosed,
            self.test_aVolumeIsOutlinedAndDiagnosed,
        ):
            self.setUp()
            try:
                test()
            except unittest.SkipTest as reason:
                self.delayDisplay(str(reason))
        self.delayDisplay(_("Test passed"))

    def test_aMissingVolumeIsRefusedInPlainWords(self) -> None:
        with self.assertRaises(ResFormerSegError) as caught:
            self.logic.process(None)
        self.assertEqual(caught.exception.code, "NO_VOLUME")
        self.assertTrue(caught.exception.message)

    def test_thePanelOpens(self) -> None:
        widget = slicer.modules.resformerseg.widgetRepresentation().self()
        self.assertTrue(widget.ui.applyButton.toolTip)

    def test_aPictureIsOutlinedAndDiagnosed(self) -> None:
        self._assertOutlinedAndDiagnosed("Skin phantom", "skin-lesion")

    def test_aVolumeIsOutlinedAndDiagnosed(self) -> None:
        self._assertOutlinedAndDiagnosed("Head phantom", "brain-tumor-mr")

    def _assertOutlinedAndDiagnosed(self, name: str, modelId: str) -> None:
        missing = missingOtherPackages()
        if not isEngineInstalled():
            missing.append("onnxruntime")
        if missing:
            self.skipTest(_("The engine was not tried: {packages} not installed.").format(packages=", ".join(missing)))
        sample = next(sample for sample in SAMPLES if sample.name == name)
        volumeNode = slicer.util.loadVolume(str(sample.image), {"name": name})
        result = self.logic.process(volumeNode, modelId)
        self.assertGreater(sum(segment["voxels"] for segment in result.report["segments"]), 0)
        self.assertEqual(result.tableNode.GetNumberOfRows(), volumeNode.GetImageData().GetDimensions()[2])
        self.assertAlmostEqual(sum(result.probabilities.values()), 1.0, places=3)
