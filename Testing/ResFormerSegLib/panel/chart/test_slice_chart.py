"""The charts and the table along the volume, used as a user would: with the mouse, and by scrolling the slices."""

import time

import numpy as np
import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume, sceneState
from helpers.section_helpers import makeHost, makeResult

LESION = np.s_[8:13, 10:20, 12:26]


@pytest.fixture
def chart(mainWindow):
    """(section, volume, result, window) with a result on display, and its volume in the slice views."""
    from ResFormerSegLib.panel.chart.slice_chart import SliceChart
    from ResFormerSegLib.scene.result_display import showResultInViews

    volume = makeVolume(shape=(20, 32, 40))
    result = makeResult(volume, LESION)
    host = makeHost()
    section = SliceChart(host)
    showResultInViews(result, volume)
    section.showResult(result, volume)
    slicer.app.processEvents()
    yield section, volume, result, mainWindow
    section.cleanup()
    host.delete()


def shownSlice(volume) -> int:
    from ResFormerSegLib.scene.slice_positions import sliceOnDisplay

    return sliceOnDisplay(volume, 0)


def placeIn(view, slice_: float, height: float) -> tuple[int, int]:
    """Where in the widget a place of the chart is drawn: the slice, and a fraction of the vertical axis."""
    import vtk

    bottom, left = view.chart().GetAxis(vtk.vtkAxis.BOTTOM), view.chart().GetAxis(vtk.vtkAxis.LEFT)
    along = (slice_ - bottom.GetMinimum()) / (bottom.GetMaximum() - bottom.GetMinimum())
    x = bottom.GetPoint1()[0] + along * (bottom.GetPoint2()[0] - bottom.GetPoint1()[0])
    y = left.GetPoint1()[1] + height * (left.GetPoint2()[1] - left.GetPoint1()[1])
    return round(x), round(view.height - 1 - y)


def test_the_charts_show_probability_and_area(chart):
    section, _volume, _result, _window = chart
    probability, area = section._views
    assert probability.isVisible() and area.isVisible()
    assert probability.chart().GetNumberOfPlots() == 2  # classes
    assert area.chart().GetNumberOfPlots() == 1
    assert probability.chart().GetAxis(0).GetMaximum() < 1.2 and area.chart().GetAxis(0).GetMaximum() > 50


def axesOf(view) -> list[tuple[float, float]]:
    axes = (view.chart().GetAxis(place) for place in (1, 0))
    return [(axis.GetMinimum(), axis.GetMaximum()) for axis in axes]


def test_fitting_the_chart_to_its_contents_keeps_to_the_slices(chart):
    section, _volume, _result, _window = chart
    for view in section._views:
        view.fitToContent()  # as the key R does
        view.grab()
        assert axesOf(view)[0] == (0, 19)


def test_a_chart_that_was_moved_out_of_sight_comes_back_with_the_next_slice(chart, waitFor):
    section, _volume, _result, window = chart
    before = [axesOf(view) for view in section._views]
    for node in section._nodes._charts:
        node.SetXAxisRange(500, 600)
        node.SetYAxisRange(-7, -5)
    assert axesOf(section._views[0])[0] == (500, 600)
    window.views["Red"].node.SetSliceOffset(window.views["Red"].node.GetSliceOffset() + 6)
    waitFor(lambda: [axesOf(view) for view in section._views] == before)


def test_the_charts_have_the_colours_of_the_applications_style(chart):
    import qt

    import slicer_bed

    section, _volume, _result, _window = chart
    try:
        for dark in (True, False):
            slicer_bed.setDark(dark)
            section.fitStyle()
            for view in section._views:
                base = slicer.app.palette().color(qt.QPalette.Base)
                color, axis = [0] * 4, view.chart().GetAxis(0)
                view.chart().GetBackgroundBrush().GetColor(color)
                assert color == [base.red(), base.green(), base.blue(), 255]
                assert (max(axis.GetLabelProperties().GetColor()) > 0.5) == dark
    finally:
        slicer_bed.setDark(False)


@pytest.mark.parametrize("which", [0, 1])
def test_a_click_into_a_chart_moves_the_views_to_that_slice(chart, click, which):
    section, volume, _result, _window = chart
    view = section._views[which]
    view.grab()  # the axes are laid out when they are drawn
    click(view, placeIn(view, 3.2, 0.5))
    assert shownSlice(volume) == 3
    click(view, placeIn(view, 16.8, 0.9))
    assert shownSlice(volume) == 17


def test_a_click_beside_the_axes_moves_nothing(chart, click):
    section, volume, _result, _window = chart
    view = section._views[0]
    view.grab()
    before = shownSlice(volume)
    click(view, (2, 2))
    assert shownSlice(volume) == before


def test_scrolling_moves_the_marker_and_the_row(chart, waitFor):
    section, _volume, _result, window = chart
    node = window.views["Red"].node
    spacing = 3.0
    start = node.GetSliceOffset()
    for step in range(1, 4):
        node.SetSliceOffset(start + step * spacing)
    waitFor(lambda: section.marked == 13)
    node.SetSliceOffset(start + 1 * spacing)
    waitFor(lambda: section.marked == 11)
    assert section.table.table.item(section.table.table.currentRow(), 0).text() == "11"


def test_the_line_over_the_chart_stands_at_the_slice_that_is_shown(chart):
    section, _volume, _result, window = chart
    for index in (3, 16):
        window.views["Red"].node.SetSliceOffset(40 + 3.0 * index)
        section._follower._report()
        for view, marker in zip(section._views, section._markers, strict=True):
            x, top = placeIn(view, index, 1.0)
            line = marker.line.geometry
            assert marker.line.isVisible() and abs(line.center().x() - view.x - x) <= 1
            assert abs(line.top() - view.y - top) <= 1 and line.height() > 50


def test_a_chart_of_another_size_keeps_the_line_at_its_slice(chart, waitFor):
    section, _volume, _result, _window = chart
    view, line = section._views[0], section._markers[0].line
    before = line.x
    section.plots.window().resize(700, 700)
    waitFor(lambda: line.x != before and abs(line.geometry.center().x() - placeIn(view, section.marked, 1)[0]) <= 1)


def test_scrolling_draws_neither_chart_again(chart, waitFor):
    section, _volume, _result, window = chart
    slicer.app.processEvents()
    drawn = []
    for view in section._views:
        view.renderWindow().AddObserver("StartEvent", lambda caller, event: drawn.append(1))
    for index in (2, 5, 9):
        window.views["Red"].node.SetSliceOffset(40 + 3.0 * index)
        waitFor(lambda index=index: section.marked == index)
        slicer.app.processEvents()
    assert not drawn


def test_tab_leaves_the_table(chart):
    from PySide6 import QtTest
    from qt import QLineEdit, Qt

    section, _volume, _result, _window = chart
    table = section.table.table
    table.window().layout().addWidget(QLineEdit())
    table.window().activateWindow()
    slicer.app.processEvents()
    table.setFocus()
    row = table.currentRow()
    QtTest.QTest.keyClick(table, Qt.Key_Tab)
    assert not table.hasFocus() and table.currentRow() == row


def test_a_jump_of_all_views_at_once_moves_the_marker(chart, waitFor):
    from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice

    section, volume, _result, _window = chart
    jumpSliceViews(positionOfSlice(volume, 0, 4))
    waitFor(lambda: section.marked == 4)
    assert section._legends[0].text.startswith("Slice 4: ")


def test_fast_scrolling_is_reported_at_most_some_dozen_times_a_second(chart, waitFor):
    section, _volume, _result, window = chart
    reported = []
    section._follower._onSlice = reported.append
    node, start = window.views["Red"].node, window.views["Red"].node.GetSliceOffset()
    began = time.monotonic()
    for step in range(300):
        node.SetSliceOffset(start + 3.0 * (step % 7))
        if step % 10 == 0:
            slicer.app.processEvents()
    seconds = time.monotonic() - began
    waitFor(lambda: reported and reported[-1] == 10 + 299 % 7, timeout=5)
    assert len(reported) <= 2 + seconds * 25


def test_the_table_lists_the_slices_with_a_lesion_and_their_sizes(chart):
    section, _volume, _result, _window = chart
    table = section.table.table
    assert table.rowCount == 5
    assert [table.item(row, 0).text() for row in range(5)] == ["8", "9", "10", "11", "12"]
    titles = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
    assert titles == ["Slice", "area (mm²)", "diameter (mm)", "Most probable"]
    assert table.item(0, 1).text() == str(round(10 * 14 * 0.5 * 0.8))
    assert table.item(0, 2).text() == "7.0"
    assert plain(table.item(0, 3).text()) == "Glioma, 69 %"
    assert "volume 0.84 ml" in plain(section.table.totals.text)
    assert "longest in-plane diameter 7.0 mm" in section.table.totals.text
    assert "in 5 of 20 slices" in section.table.totals.text


def test_a_table_wider_than_the_panel_has_room_for_its_scroll_bar(mainWindow):
    from ResFormerSegLib.panel.chart.slice_chart import SliceChart
    from ResFormerSegLib.panel.chart.slice_table import ROW_HEIGHT

    volume = makeVolume(shape=(20, 32, 40))
    heights = []
    for width in (600, 200):
        host = makeHost(width)
        section = SliceChart(host)
        section.showResult(makeResult(volume, LESION), volume)
        slicer.app.processEvents()
        table = section.table.table
        assert table.viewport().height >= 5 * ROW_HEIGHT
        heights.append(table.height)
        section.cleanup()
        host.delete()
    assert heights[0] < heights[1]


def test_a_click_on_a_row_moves_the_views_to_its_slice(chart, click):
    section, volume, _result, _window = chart
    table = section.table.table
    rectangle = table.visualItemRect(table.item(4, 1))
    click(table.viewport(), (rectangle.center().x(), rectangle.center().y()))
    assert shownSlice(volume) == 12


def test_the_arrow_keys_move_along_the_rows(chart, click):
    from PySide6 import QtTest
    from qt import Qt

    section, volume, _result, _window = chart
    table = section.table.table
    rectangle = table.visualItemRect(table.item(0, 0))
    click(table.viewport(), (rectangle.center().x(), rectangle.center().y()))
    QtTest.QTest.keyClick(table, Qt.Key_Down)
    assert shownSlice(volume) == 9


def test_views_across_the_slices_show_the_lesion_after_a_jump(chart):
    import vtk

    from ResFormerSegLib.scene.slice_positions import worldFromIjk

    section, volume, result, window = chart
    section.table.table.selectRow(1)
    lesion = worldFromIjk(volume, result.report["largest_lesion"]["center_ijk"])
    for name in ("Green", "Yellow"):
        toSlice = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(window.views[name].node.GetSliceToRAS(), toSlice)
        assert toSlice.MultiplyPoint((*lesion, 1))[2] == pytest.approx(0, abs=1e-6)


def test_a_single_slice_has_a_table_and_no_chart(mainWindow):
    from ResFormerSegLib.panel.chart.slice_chart import SliceChart

    volume = makeVolume(shape=(1, 32, 40))
    host = makeHost()
    section = SliceChart(host)
    section.showResult(makeResult(volume, np.s_[0:1, 4:8, 4:8]), volume)
    assert not section.plots.isVisible() and section.table.table.isVisible()
    assert slicer.util.getNodesByClass("vtkMRMLPlotChartNode") == []
    assert "of 1 slices" not in section.table.totals.text
    assert section.table.table.horizontalHeaderItem(0).text() == "area (mm²)"  # which slice goes without saying
    section.cleanup()
    host.delete()


def test_without_a_main_window_there_is_the_table_only(scene):
    from ResFormerSegLib.panel.chart.slice_chart import SliceChart

    volume = makeVolume(shape=(20, 32, 40))
    host = makeHost()
    section = SliceChart(host)
    section.showResult(makeResult(volume, LESION), volume)
    assert not section.plots.isVisible() and section.table.table.isVisible()
    section.cleanup()
    host.delete()


def test_an_empty_segmentation_is_reported(chart):
    section, volume, _result, _window = chart
    section.showResult(makeResult(volume, np.s_[0:0, :, :]), volume)
    assert section.table.totals.text == "Nothing was segmented."
    assert not section.table.table.isVisible() and section.plots.isVisible()


def test_clearing_takes_the_nodes_away_and_closing_the_scene_does_not_hurt(chart, scene):
    section, volume, result, _window = chart
    section.clear()
    assert section.hint.isVisible()
    before = sceneState()
    section.showResult(result, volume)
    section.clear()
    assert sceneState() == before
    section.showResult(result, volume)
    scene.RemoveNode(volume)
    section._jump(9)
    assert not section.table.table.blockSignals(False)


def test_the_marker_rests_while_the_module_is_not_shown(chart, waitFor):
    section, _volume, _result, window = chart
    node = window.views["Red"].node
    section.setActive(False)
    marked = section.marked
    node.SetSliceOffset(node.GetSliceOffset() + 6)
    slicer.app.processEvents()
    time.sleep(0.1)
    slicer.app.processEvents()
    assert section.marked == marked
    section.setActive(True)  # at once, without scrolling
    assert section.marked == marked + 2


def test_two_thousand_slices_are_shown_without_a_long_wait(mainWindow):
    from ResFormerSegLib.panel.chart.slice_chart import SliceChart

    volume = makeVolume(shape=(2000, 8, 8))
    result = makeResult(volume, np.s_[100:1900, 2:6, 2:6])
    host = makeHost()
    section = SliceChart(host)
    began = time.process_time()
    section.showResult(result, volume)
    assert time.process_time() - began < 2  # measured: 0.6 s, most of it spent in the bed's rules
    section.cleanup()
    host.delete()
