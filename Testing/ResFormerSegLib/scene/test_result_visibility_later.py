"""Results over slice views while a sequence is browsed, in a later session, and when they are cloned."""

import pytest
import slicer

from helpers.scene_helpers import makeVolume
from helpers.scene_sequences import makeSequence, ramp, showFrame
from helpers.slice_views import isSeen, load, resultOf


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
