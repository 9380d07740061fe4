"""The sample images in the Sample Data module, without a network connection."""

import unittest

import slicer

from ResFormerSegLib.sample_data import CATEGORY, HEAD, SAMPLES, SKIN, registerSampleData


class ResFormerSegSampleDataTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear(False)
        try:
            import SampleData
        except ImportError:
            self.skipTest("This application has no Sample Data module.")
        registerSampleData()
        self.SampleData = SampleData

    def test_everySampleIsOfferedOnceWithAThumbnail(self):
        registerSampleData()
        sources = slicer.modules.sampleDataSources[CATEGORY]
        self.assertEqual(sorted(source.sampleName for source in sources), sorted(sample.name for sample in SAMPLES))
        for sample in SAMPLES:
            self.assertTrue(sample.thumbnail.is_file(), sample.thumbnail)

    def test_theHeadIsAGreyscaleVolume(self):
        node = self.SampleData.SampleDataLogic().downloadSample(HEAD.name)
        self.assertEqual(node.GetName(), HEAD.name)
        self.assertEqual(node.GetClassName(), "vtkMRMLScalarVolumeNode")
        self.assertEqual(node.GetImageData().GetDimensions(), (144, 176, 18))

    def test_theSkinLesionIsAColourImage(self):
        node = self.SampleData.SampleDataLogic().downloadSample(SKIN.name)
        self.assertEqual(node.GetClassName(), "vtkMRMLVectorVolumeNode")
        self.assertEqual(node.GetImageData().GetDimensions(), (288, 224, 1))
        self.assertEqual(node.GetImageData().GetNumberOfScalarComponents(), 3)
