"""What a successful run leaves in the scene."""

import json

import numpy as np
import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume, parentItem, sceneState, segmentArray, stateOf


def test_exclusive_segments_share_a_layer_and_lie_where_the_engine_put_them(scene, logicWith):
    volume = makeVolume()
    result = logicWith("exclusive").process(volume)
    segmentation = result.segmentationNode.GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == ["tumour", "edema"]
    assert segmentation.GetNumberOfLayers() == 1
    expected = np.zeros((3, 8, 10), bool)
    expected[0, :, :5] = True
    np.testing.assert_array_equal(segmentArray(result.segmentationNode, "tumour", volume), expected)
    expected[0] = ~expected[0]
    np.testing.assert_array_equal(segmentArray(result.segmentationNode, "edema", volume), expected)


def test_overlapping_segments_have_layers_of_their_own(scene, logicWith):
    volume = makeVolume()
    result = logicWith("overlapping").process(volume)
    assert result.segmentationNode.GetSegmentation().GetNumberOfLayers() == 2
    tumour = segmentArray(result.segmentationNode, "tumour", volume)
    edema = segmentArray(result.segmentationNode, "edema", volume)
    assert tumour[0, :, :5].all() and tumour.sum() == 40
    assert edema[0, :4].all() and edema.sum() == 40
    assert (tumour & edema).sum() == 20


def test_label_values_need_not_be_consecutive(scene, logicWith):
    volume = makeVolume()
    result = logicWith("sparse values").process(volume)
    assert list(result.segmentationNode.GetSegmentation().GetSegmentIDs()) == ["tumour", "edema"]
    assert segmentArray(result.segmentationNode, "tumour", volume)[0, :, :5].all()
    assert segmentArray(result.segmentationNode, "edema", volume)[0, :, 5:].all()


def test_segments_have_name_colour_and_terminology(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume())
    tumour, edema = (result.segmentationNode.GetSegmentation().GetNthSegment(index) for index in (0, 1))
    assert (tumour.GetName(), edema.GetName()) == ("Tumour", "Oedema")
    assert edema.GetColor() == pytest.approx((1, 0.2, 0))
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert logic.DeserializeTerminologyEntry(tumour.GetTerminology(), entry)
    assert entry.GetCategoryObject().GetCodeMeaning() == "Morphologically Altered Structure"
    assert entry.GetTypeObject().GetCodeValue() == "108369006"
    assert entry.GetTypeObject().GetCodingSchemeDesignator() == "SCT"


def test_the_volume_is_the_reference_geometry(scene, logicWith):
    volume = makeVolume(oblique=True)
    result = logicWith("exclusive").process(volume)
    node = result.segmentationNode
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume


def test_the_table_has_a_row_per_slice_with_probabilities_and_voxels(scene, logicWith):
    table = logicWith("exclusive").process(makeVolume()).tableNode.GetTable()
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    assert names == ["Slice", "P(glioma)", "P(meningioma)", "Tumour (voxels)", "Oedema (voxels)"]
    rows = [[table.GetValue(row, column).ToDouble() for column in range(5)] for row in range(table.GetNumberOfRows())]
    assert rows == [[0, 0.75, 0.25, 40, 40], [1, 0.75, 0.25, 0, 0], [2, 0.75, 0.25, 0, 0]]


def test_the_diagnosis_is_in_the_result_and_on_the_nodes(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume())
    assert (result.diagnosis, result.probability) == ("glioma", 0.75)
    assert result.probabilities == {"glioma": 0.75, "meningioma": 0.25}
    for node in (result.segmentationNode, result.tableNode):
        assert node.GetAttribute("ResFormerSeg.Diagnosis") == "glioma"
        assert node.GetAttribute("ResFormerSeg.Probability") == "0.7500"
        assert node.GetAttribute("ResFormerSeg.Model") == "fake 1.0.0"
        assert json.loads(node.GetAttribute("ResFormerSeg.Report")) == result.report | {"warnings": result.warnings}


def test_warnings_of_the_report_and_notices_are_joined_without_repetition(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume())
    assert [warning["code"] for warning in result.warnings] == ["LESION_AT_BORDER", "ON_CPU"]


def test_results_lie_beside_the_volume_in_its_study(scene, logicWith):
    volume = makeVolume()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
    result = logicWith("exclusive").process(volume)
    assert parentItem(result.segmentationNode) == study
    assert parentItem(result.tableNode) == study


def test_the_segmentation_goes_under_the_transform_of_the_volume(scene, logicWith):
    volume = makeVolume()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Registration")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    before = stateOf(volume)
    result = logicWith("exclusive").process(volume)
    assert result.segmentationNode.GetParentTransformNode() is transform
    assert stateOf(volume) == before
    # The voxels were written in the volume's own frame, without the transform.
    assert segmentArray(result.segmentationNode, "tumour", volume)[0, :, :5].all()


def test_a_moved_volume_and_its_segmentation_coincide_in_the_world(scene, logicWith):
    volume = makeVolume(oblique=True)
    move = vtk.vtkTransform()
    move.Translate(10, 20, 30)
    move.RotateZ(40)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(move.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())
    result = logicWith("exclusive").process(volume)
    # The union of both segments is the first slice: its bounds in the world are those of the slice's corners, half a
    # voxel further.
    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    toWorld = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Multiply4x4(move.GetMatrix(), toRas, toWorld)
    corners = [toWorld.MultiplyPoint((i, j, k, 1))[:3] for i in (-0.5, 9.5) for j in (-0.5, 7.5) for k in (-0.5, 0.5)]
    bounds = [0.0] * 6
    result.segmentationNode.GetSegmentation().CollapseBinaryLabelmaps(True)
    result.segmentationNode.GetRASBounds(bounds)
    labelmap = slicer.vtkOrientedImageData()
    result.segmentationNode.GetBinaryLabelmapRepresentation("tumour", labelmap)
    toParent = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(toParent)
    first = move.TransformPoint(
        toParent.MultiplyPoint((labelmap.GetExtent()[0], labelmap.GetExtent()[2], labelmap.GetExtent()[4], 1))[:3]
    )
    assert first == pytest.approx(toWorld.MultiplyPoint((0, 0, 0, 1))[:3], abs=1e-6)
    assert np.array(bounds).reshape(3, 2)[:, 0] == pytest.approx(np.min(corners, axis=0), abs=4)


def test_a_given_segmentation_gets_new_segments_and_stays_the_same_node(scene, logicWith):
    volume = makeVolume()
    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    output.CreateDefaultDisplayNodes()
    output.GetSegmentation().AddEmptySegment("old")
    result = logicWith("exclusive").process(volume, outputSegmentation=output)
    assert result.segmentationNode is output
    assert output.GetName() == "Mine"
    assert list(output.GetSegmentation().GetSegmentIDs()) == ["tumour", "edema"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_a_given_segmentation_keeps_its_surface_up_to_date(scene, logicWith):
    volume = makeVolume()
    output = logicWith("exclusive").process(volume).segmentationNode
    output.CreateClosedSurfaceRepresentation()
    logicWith("overlapping").process(volume, outputSegmentation=output)
    surface = vtk.vtkPolyData()
    assert output.GetClosedSurfaceRepresentation("edema", surface) and surface.GetNumberOfPoints() > 0


def test_two_runs_make_nodes_of_different_names(scene, logicWith):
    volume = makeVolume()
    first, second = (logicWith("exclusive").process(volume) for _ in range(2))
    assert first.segmentationNode is not second.segmentationNode
    assert first.segmentationNode.GetName() == "Brain segmentation"
    assert second.segmentationNode.GetName() != first.segmentationNode.GetName()


def test_a_model_that_only_diagnoses_makes_a_table_and_no_segmentation(scene, logicWith):
    result = logicWith("only diagnosis").process(makeVolume())
    assert result.segmentationNode is None
    assert result.tableNode.GetAttribute("ResFormerSeg.Diagnosis") == "glioma"
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_model_for_segmentation_only_gives_no_diagnosis(scene, logicWith):
    result = logicWith("only segments").process(makeVolume())
    assert (result.diagnosis, result.probability, result.probabilities) == (None, None, {})
    assert result.segmentationNode.GetAttribute("ResFormerSeg.Diagnosis") is None
    assert result.tableNode.GetTable().GetNumberOfColumns() == 3


def test_progress_rises_to_one_and_says_what_is_done(scene, logicWith):
    reports = []
    logicWith("exclusive").process(makeVolume(), progress=lambda fraction, message: reports.append((fraction, message)))
    fractions = [fraction for fraction, _ in reports]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert "Slice 1 of 2" in [message for _, message in reports]


def test_results_survive_saving_and_loading_the_scene(scene, logicWith, tmp_path):
    result = logicWith("exclusive").process(makeVolume())
    report = result.report | {"warnings": result.warnings}
    bundle = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(bundle), {})
    scene.Clear(False)
    slicer.util.loadScene(str(bundle), {})
    node = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert node.GetSegmentation().GetSegment("tumour").GetName() == "Tumour"
    assert json.loads(node.GetAttribute("ResFormerSeg.Report")) == report
    table = scene.GetFirstNodeByClass("vtkMRMLTableNode")
    assert table.GetTable().GetNumberOfRows() == 3


def test_nothing_but_the_results_is_added(scene, logicWith):
    makeVolume(name="Other")
    volume = makeVolume()
    nodesBefore, _ = sceneState()
    result = logicWith("exclusive").process(volume)
    nodesAfter, _ = sceneState()
    added = {node[0] for node in nodesAfter} - {node[0] for node in nodesBefore}
    expected = {result.segmentationNode.GetID(), result.segmentationNode.GetDisplayNodeID(), result.tableNode.GetID()}
    assert added == expected
