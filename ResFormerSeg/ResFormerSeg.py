"""ResFormerSeg, a module of 3D Slicer: outlines and diagnoses a medical image with a ResFormer-UNet.

From the Python console:

    >>> result = ResFormerSeg.ResFormerSegLogic().process(getNode("Brain"), modelId="brain-tumor-mr")
    >>> result.diagnosis, result.probability, result.segmentationNode
"""

from __future__ import annotations

import os
from collections.abc import Callable

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.job import Job
from ResFormerSegLib.process import EngineProcess
from ResFormerSegLib.result import ProcessingResult
from ResFormerSegLib.sample_data import registerSampleData

HOMEPAGE = "https://github.com/ResFormerSeg/SlicerResFormerSeg"
WAIT_SECONDS = 0.03  # between two looks at the application's events while the engine works


class ResFormerSeg(ScriptedLoadableModule):
    """What the application shows about the module. It is used from the Python console; there is no panel."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("ResFormerSeg")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["The ResFormerSeg contributors"]
        self.parent.helpText = _(
            "Outlines lesions or organs in a medical image and names the most probable diagnosis, with a calibrated "
            "probability for every slice. Works on 2D images and on volumes.<br><br>"
            "Choose a volume and a model, then press Apply. "
            '<a href="{tutorial}">A tutorial</a> and <a href="{homepage}">all documentation</a> are on the web.<br><br>'
            "<b>Not a medical device.</b> For research and teaching, not for clinical use without expert review."
        ).format(tutorial=f"{HOMEPAGE}/blob/main/docs/tutorial.md", homepage=HOMEPAGE)
        self.parent.acknowledgementText = _(
            'The network follows Bui, Le, Bum and Choo: <a href="{paper}">Multi-scale Feature Enhancement in '
            "Multi-task Learning for Medical Image Analysis</a>, arXiv:2412.00351, 2024. What it leaves open was "
            "chosen by this project. Each model names the public data that it was trained on, and its licence."
        ).format(paper="https://arxiv.org/abs/2412.00351")
        self.parent.widgetRepresentationCreationEnabled = False
        slicer.app.connect("startupCompleted()", registerSampleData)


class ResFormerSegLogic(ScriptedLoadableModuleLogic):
    """Runs the engine on volumes of the scene.

    makeEngine: makes the worker process of a run; tests put their own here.
    """

    def __init__(self, parent=None, makeEngine: Callable[[], EngineProcess] = EngineProcess) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self._makeEngine = makeEngine

    def process(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        modelId: str | os.PathLike = "brain-tumor-mr",
        device: str = "auto",
        *,
        sliceAxis: str | None = None,
        outputSegmentation: slicer.vtkMRMLSegmentationNode | None = None,
        progress: Callable[[float, str], None] | None = None,
        isCancelled: Callable[[], bool] | None = None,
    ) -> ProcessingResult:
        """Outlines and diagnoses a volume; returns when it is done.

        The application stays alive meanwhile; the volume is never changed.

        volumeNode: scalar, colour (vector) or label map volume, of one slice or many, in any orientation and under
        any transform. modelId: id of a bundled model, or the folder of one's own. device: "auto", "cpu", "cuda" or
        "mps". sliceAxis: "axial", "coronal", "sagittal", or None for the axis that the model's description asks for.
        outputSegmentation: the segmentation whose segments are replaced; None makes a new one. progress: called with
        the fraction done, 0 to 1, and a sentence. isCancelled: asked again and again; True stops the run.

        Raises ResFormerSegError on any failure and on cancel (code "CANCELLED"); the scene is then exactly as before.
        """
        job = Job(self._makeEngine(), volumeNode, modelId, device, sliceAxis, outputSegmentation, progress)
        with job:
            while not job.step(WAIT_SECONDS):
                slicer.app.processEvents()
                if isCancelled is not None and isCancelled():
                    job.cancel()
            return job.importResult()


class ResFormerSegTest(ScriptedLoadableModuleTest):
    """Self test of the installed module, started from the application."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(False)

    def runTest(self) -> None:
        self.setUp()
        self.test_aMissingVolumeIsRefusedInPlainWords()
        self.setUp()
        self.test_aPhantomIsOutlinedAndDiagnosed()

    def test_aMissingVolumeIsRefusedInPlainWords(self) -> None:
        with self.assertRaises(ResFormerSegError) as caught:
            ResFormerSegLogic().process(None)
        self.assertEqual(caught.exception.code, "NO_VOLUME")

    def test_aPhantomIsOutlinedAndDiagnosed(self) -> None:
        import importlib.util

        import numpy as np

        if importlib.util.find_spec("torch") is None:
            self.delayDisplay(_("PyTorch is not installed: the engine was not tried."))
            return
        slices, rows, columns = np.indices((5, 64, 64))
        head = (rows - 32) ** 2 + (columns - 32) ** 2 < 28**2
        voxels = np.where(head, 300, 0).astype(np.int16)
        voxels[head & ((rows - 24) ** 2 + (columns - 40) ** 2 < 5**2)] = 900
        volumeNode = slicer.util.addVolumeFromArray(voxels, name="Phantom")
        result = ResFormerSegLogic().process(volumeNode)
        self.assertIsNotNone(result.segmentationNode)
        self.assertEqual(result.tableNode.GetNumberOfRows(), voxels.shape[0])
        self.assertAlmostEqual(sum(result.probabilities.values()), 1.0, places=3)
        self.delayDisplay(_("Test passed"))
