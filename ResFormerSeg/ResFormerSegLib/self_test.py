"""The module's self test, started from its developer section or by CMake."""

from __future__ import annotations

import unittest

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.install.pytorch import missingOtherPackages
from ResFormerSegLib.sample_data import HEAD, SKIN, Sample


class ResFormerSegTest(ScriptedLoadableModuleTest):
    """Each test_ method runs on its own, in an empty scene; those that need the engine are skipped without it."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(False)
        self.logic = slicer.modules.resformerseg.widgetRepresentation().self().logic

    def runTest(self) -> None:
        for test in (
            self.test_aMissingVolumeIsRefused,
            self.test_thePanelOpens,
            self.test_anImageIsSegmentedAndDiagnosed,
            self.test_aVolumeIsSegmentedAndDiagnosed,
        ):
            self.setUp()
            try:
                test()
            except unittest.SkipTest as reason:
                self.delayDisplay(str(reason))
        self.delayDisplay(_("Test passed"))

    def test_aMissingVolumeIsRefused(self) -> None:
        with self.assertRaises(ResFormerSegError) as caught:
            self.logic.process(None)
        self.assertEqual(caught.exception.code, "NO_VOLUME")
        self.assertTrue(caught.exception.message)

    def test_thePanelOpens(self) -> None:
        widget = slicer.modules.resformerseg.widgetRepresentation().self()
        self.assertTrue(widget.ui.applyButton.toolTip)

    def test_anImageIsSegmentedAndDiagnosed(self) -> None:
        self._assertSegmentedAndDiagnosed(SKIN, "skin-lesion")

    def test_aVolumeIsSegmentedAndDiagnosed(self) -> None:
        self._assertSegmentedAndDiagnosed(HEAD, "brain-tumor-mr")

    def _assertSegmentedAndDiagnosed(self, sample: Sample, modelId: str) -> None:
        missing = missingOtherPackages()
        if not isEngineInstalled():
            missing.append("onnxruntime")
        if missing:
            self.skipTest(_("The engine was not tested: {packages} not installed.").format(packages=", ".join(missing)))
        volumeNode = slicer.util.loadVolume(str(sample.image), {"name": sample.name})
        result = self.logic.process(volumeNode, modelId)
        self.assertGreater(sum(segment["voxels"] for segment in result.report["segments"]), 0)
        self.assertEqual(result.tableNode.GetNumberOfRows(), volumeNode.GetImageData().GetDimensions()[2])
        self.assertAlmostEqual(sum(result.probabilities.values()), 1.0, places=3)
