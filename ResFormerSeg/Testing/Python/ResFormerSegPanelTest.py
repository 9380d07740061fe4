"""The module's panel in the application: it opens with nothing there, and Apply gives a result."""

import time
import unittest

import slicer
from ResFormerSegLogicTest import RUNS_MODELS, loadSample, missingPackages

from ResFormerSegLib.sample_data import HEAD, SKIN

LONGEST_RUN = 600  # seconds


class ResFormerSegPanelTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear(False)
        self.widget = slicer.modules.resformerseg.widgetRepresentation().self()
        self.ui = self.widget.ui
        self.widget.enter()
        slicer.app.processEvents()

    def tearDown(self):
        self.widget.exit()
        slicer.mrmlScene.Clear(False)

    def load(self, sample):
        volume = loadSample(sample)
        slicer.app.processEvents()
        return volume

    def test_withoutAVolumeApplyIsDisabledAndSaysWhy(self):
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertTrue(self.ui.applyButton.toolTip)

    def test_aLoadedVolumeIsAlreadyChosen(self):
        volume = self.load(HEAD)
        self.assertEqual(self.ui.inputSelector.currentNode(), volume)

    def test_thereAreModelsToChooseFrom(self):
        self.load(SKIN)
        self.assertGreater(self.ui.modelSelector.count, 1)
        self.assertTrue(self.ui.modelSelector.currentText)

    def test_withoutTheEngineThePanelSaysSoAndStaysUsable(self):
        self.load(HEAD)
        if RUNS_MODELS in missingPackages():
            self.assertFalse(self.ui.applyButton.enabled)
            self.assertTrue(self.ui.engineLabel.text)
        else:
            self.assertFalse(self.ui.engineFrame.isVisible())

    def test_closingTheSceneEmptiesThePanel(self):
        self.load(HEAD)
        slicer.mrmlScene.Clear(False)
        slicer.app.processEvents()
        self.assertIsNone(self.ui.inputSelector.currentNode())
        self.assertFalse(self.ui.applyButton.enabled)

    def test_applyGivesSegmentationAndDiagnosis(self):
        if missingPackages():
            self.skipTest(f"The engine cannot run: {missingPackages()} not installed.")
        self.load(SKIN)
        self.assertTrue(self.ui.applyButton.enabled, self.ui.applyButton.toolTip)
        self.ui.applyButton.click()
        self.assertTrue(self.ui.cancelButton.enabled)
        deadline = time.monotonic() + LONGEST_RUN
        while self.ui.cancelButton.enabled and time.monotonic() < deadline:
            slicer.app.processEvents()
            time.sleep(0.01)
        self.assertTrue(self.ui.applyButton.enabled)
        segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        self.assertEqual(len(segmentations), 1, self.ui.messageLabel.text)
        self.assertTrue(segmentations[0].GetAttribute("ResFormerSeg.Report"))
        self.assertTrue(self.ui.editButton.enabled)
