"""Results over slice views: each over its own image only, and the newest alone; with real view nodes and logics."""

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume
from helpers.scene_sequences import makeSequence, ramp, showFrame
from helpers.section_helpers import makeResult


@pytest.fixture
def views(bed, scene):
    """Three slice views by name: nodes and logics, without windows."""
    logics = []
    for name in ("Red", "Green", "Yellow"):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(bed.applicationLogic)
        bed.applicationLogic.GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(scene)
        logic.AddSliceNode(name).SetOrientation("Axial")
        logics.append(logic)
    yield {logic.GetSliceNode().GetName(): logic for logic in logics}
    for logic in logics:
        bed.applicationLogic.GetSliceLogics().RemoveItem(logic)
        logic.SetMRMLScene(None)


@pytest.fixture
def watch(views):
    from ResFormerSegLib.scene.result_visibility import OwnImageOnly

    made = OwnImageOnly()
    yield made
    made.cleanup()


def resultOf(volume):
    """A visible result of the volume, as a run leaves it."""
    from ResFormerSegLib.scene.shown_frame import shownFrame

    node = makeResult(volume, np.s_[1:2, 1:4, 1:4]).segmentationNode
    node.SetAttribute("ResFormerSeg.Report", f'{{"id": "{node.GetID()}"}}')
    node.SetAttribute("ResFormerSeg.Frame", shownFrame(volume))
    node.SetNodeReferenceID("ResFormerSeg.Volume", volume.GetID())
    return node


def load(volume, *names) -> None:
    """What the application does with an image that is loaded: the views show it."""
    for logic in slicer.app.applicationLogic().GetSliceLogics():
        if not names or logic.GetSliceNode().GetName() in names:
            logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())


def isSeen(node, view="Red") -> bool:
    """As the application decides it for a slice view."""
    display = node.GetDisplayNode()
    viewNode = next(found for found in slicer.util.getNodesByClass("vtkMRMLSliceNode") if found.GetName() == view)
    return bool(display.GetVisibility(viewNode.GetID()))


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


def test_the_contour_of_a_frame_is_not_seen_over_another_one_and_comes_back_with_its_own(watch):
    cine, _, browser = makeSequence(ramp())
    load(cine)
    showFrame(browser, 1)
    result = resultOf(cine)
    watch.present(result)
    seen = []
    for number in (0, 1, 3, 1):
        showFrame(browser, number)
        seen.append(isSeen(result))
    assert seen == [False, True, False, True]
    result.GetDisplayNode().SetVisibility(False)  # by the user
    showFrame(browser, 0)
    showFrame(browser, 1)
    assert not isSeen(result)


def test_each_frame_gets_its_own_result_back_and_of_several_the_newest(watch):
    cine, _, browser = makeSequence(ramp())
    load(cine)
    results = {}
    for number in (0, 2, 0):
        showFrame(browser, number)
        results.setdefault(number, []).append(resultOf(cine))
        watch.present(results[number][-1])
    seen = []
    for number in (0, 1, 2, 0):
        showFrame(browser, number)
        seen.append([isSeen(node) for node in (*results[0], *results[2])])
    assert seen == [[False, True, False], [False] * 3, [False, False, True], [False, True, False]]


def test_a_result_of_all_frames_takes_the_place_of_those_of_single_frames(watch):
    cine, _, browser = makeSequence(ramp())
    load(cine)
    single = resultOf(cine)
    watch.present(single)
    showFrame(browser, 1)
    ofAll = resultOf(cine)
    ofAll.RemoveAttribute("ResFormerSeg.Frame")
    watch.present(ofAll)
    for number in (0, 1, 2):
        showFrame(browser, number)
        assert isSeen(ofAll) and not isSeen(single)


def test_when_the_sequence_is_deleted_a_hidden_contour_is_not_laid_over_the_frame_that_is_left(watch, scene):
    cine, sequence, browser = makeSequence(ramp())
    load(cine)
    hidden = resultOf(cine)
    watch.present(hidden)
    showFrame(browser, 3)
    assert not isSeen(hidden)
    own = resultOf(cine)
    for node in (browser, sequence):
        scene.RemoveNode(node)
    watch.update()
    assert not isSeen(hidden) and isSeen(own)


@pytest.fixture
def reload(watch, scene, tmp_path):
    """`reload()`: saves the scene, closes it and loads it; gives the result's segmentation."""

    def make():
        assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        scene.Clear(False)
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        return slicer.util.getNode("Result")

    return make


def test_a_result_that_was_hidden_over_another_image_comes_back_with_its_own_in_a_later_session(watch, reload):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    watch.present(resultOf(brown))
    load(smith)
    result = reload()
    assert not isSeen(result)
    load(slicer.util.getNode("Brown"))
    assert isSeen(result)


def test_a_contour_of_a_frame_comes_back_with_it_in_a_later_session(watch, reload):
    cine, _, browser = makeSequence(ramp(), step=0.0333333)
    load(cine)
    showFrame(browser, 2)
    watch.present(resultOf(cine))
    showFrame(browser, 0)
    result = reload()
    browser = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")[0]
    assert not isSeen(result)
    showFrame(browser, 2)
    assert isSeen(result)


def test_what_the_user_hid_stays_hidden_in_a_later_session(watch, reload):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    result.GetDisplayNode().SetVisibility(False)
    load(smith)
    result = reload()
    load(slicer.util.getNode("Brown"))
    assert not isSeen(result)


def test_a_restriction_to_the_views_of_the_own_image_ends_in_a_later_session(watch, reload):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    watch.present(resultOf(brown))
    load(smith, "Green")
    result = reload()
    assert isSeen(result, "Red") and not isSeen(result, "Green")
    load(slicer.util.getNode("Brown"))
    assert isSeen(result, "Green") and result.GetDisplayNode().GetNumberOfViewNodeIDs() == 0


def test_a_restriction_that_the_user_made_is_left_alone(watch, views):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    red = views["Red"].GetSliceNode().GetID()
    result.GetDisplayNode().SetViewNodeIDs([red])
    load(smith, "Green")
    load(smith, "Yellow")
    load(brown)
    assert result.GetDisplayNode().GetViewNodeIDs() == (red,)


def test_who_opens_the_module_after_the_scene_finds_the_result_over_its_image(watch):
    from ResFormerSegLib.scene.result_visibility import OwnImageOnly

    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    load(smith)
    watch.cleanup()
    load(brown)
    assert not isSeen(result)
    opened = OwnImageOnly()
    assert isSeen(result)
    opened.cleanup()


def test_a_clone_of_a_result_belongs_to_the_same_image(watch, scene):
    brown, smith = makeVolume(name="Brown"), makeVolume(name="Smith")
    load(brown)
    result = resultOf(brown)
    watch.present(result)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    logic = slicer.modules.subjecthierarchy.logic()
    clone = hierarchy.GetItemDataNode(logic.CloneSubjectHierarchyItem(hierarchy, hierarchy.GetItemByDataNode(result)))
    load(smith, "Green")
    assert isSeen(clone) and isSeen(result) and not isSeen(clone, "Green")
    load(smith)
    assert not isSeen(clone)
    load(brown)
    assert isSeen(clone)
