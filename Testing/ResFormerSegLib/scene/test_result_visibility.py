"""Results over slice views: each over its own image only, and the newest alone; with real view nodes and logics."""

import numpy as np
import slicer

from helpers.scene_helpers import makeVolume
from helpers.section_helpers import makeResult
from helpers.slice_views import isSeen, load, resultOf


def test_another_patients_image_does_not_get_the_contour_of_this_one(watch):
    brown = makeVolume(name="Brown")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    assert isSeen(result)
    smith = makeVolume(name="Smith")
    load(smith)
    assert not isSeen(result) and not result.GetDisplayNode().GetVisibility()  # nor its surface
    load(brown)
    assert isSeen(result)


def test_a_result_that_a_script_makes_of_an_image_out_of_sight_is_not_seen_over_the_one_in_sight(watch):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(smith)
    assert not isSeen(result)
    load(smith)
    assert isSeen(result)
    result.SetNodeReferenceID("ResFormerSeg.Volume", brown.GetID())  # it is replaced by the result of another image
    assert not isSeen(result)


def test_where_both_images_are_shown_the_result_is_over_its_own(watch, views):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    load(smith, "Green")
    assert isSeen(result, "Red") and not isSeen(result, "Green")
    load(brown)
    assert isSeen(result, "Green") and result.GetDisplayNode().GetNumberOfViewNodeIDs() == 0


def test_the_result_of_a_deleted_image_is_not_left_over_another_one(watch, views, scene):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    load(smith, "Green")
    scene.RemoveNode(brown)
    load(smith)
    assert not isSeen(result, "Red") and not isSeen(result, "Green")


def test_a_map_computed_of_the_image_may_lie_beneath_its_result(watch):
    volume, saliency = makeVolume(), makeVolume(name="Saliency")
    saliency.SetNodeReferenceID("ResFormerSeg.Volume", volume.GetID())
    load(volume)
    result = resultOf(volume)
    watch.present(result)
    load(saliency)
    assert isSeen(result)


def test_another_series_of_the_same_study_may_lie_beneath_a_result(watch, scene):
    first, second, later = (makeVolume(name=name) for name in ("T1", "T2", "Next year"))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Brown")
    study, nextStudy = hierarchy.CreateStudyItem(patient, "2026"), hierarchy.CreateStudyItem(patient, "2027")
    for volume, item in ((first, study), (second, study), (later, nextStudy)):
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), item)
    load(first)
    result = resultOf(first)
    watch.present(result)
    load(second)
    assert isSeen(result)
    load(later)
    assert not isSeen(result)


def test_what_the_user_hides_stays_hidden(watch):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    result.GetDisplayNode().SetVisibility(False)
    load(smith)
    load(brown)
    assert not isSeen(result)


def test_of_five_results_of_an_image_only_the_newest_is_seen_and_none_is_deleted(watch):
    volume, other = makeVolume(), makeVolume(name="Other")
    load(volume)
    results = []
    for _ in range(5):
        results.append(resultOf(volume))
        watch.present(results[-1])
    load(other)
    load(volume)
    assert [isSeen(node) for node in results] == [False] * 4 + [True]
    assert all(node.GetScene() is slicer.mrmlScene for node in results)


def test_each_image_gets_its_own_result_back(watch):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    ofBrown = resultOf(brown)
    watch.present(ofBrown)
    load(smith)
    ofSmith = resultOf(smith)
    watch.present(ofSmith)
    assert (isSeen(ofBrown), isSeen(ofSmith)) == (False, True)
    load(brown)
    assert (isSeen(ofBrown), isSeen(ofSmith)) == (True, False)


def test_a_segmentation_of_the_user_is_left_alone(watch):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    own = makeResult(brown, np.s_[1:2, 1:4, 1:4]).segmentationNode  # without a report: not made by this module
    watch.present(resultOf(brown))
    load(smith)
    assert isSeen(own)


def test_a_deleted_image_and_a_closed_scene_do_not_hurt(watch, scene):
    brown = makeVolume(name="Brown")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    load(makeVolume(name="Smith"))
    scene.RemoveNode(brown)
    watch.update()
    scene.Clear(False)
    watch.update()
