"""The part of the Cases section where the images are chosen: of the scene, of the DICOM database, or of a folder."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.cases.case_input import CaseInput, inputOfPath, inputOfVolume
from ResFormerSegLib.cases.dicom_list import fittingSeries, hasDatabase
from ResFormerSegLib.cases.scene_volumes import fittingVolumes
from ResFormerSegLib.cases.steps import Steps
from ResFormerSegLib.panel.widgets import makeButton, makeLabel, makeRow
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.texts import toolTipOf

SCENE, DICOM, FOLDER = "scene", "dicom", "folder"
VISIBLE_ROWS = 5


class CasesInputs:
    """modelOf: the selected model, None without one. onChanged: called when another choice was made."""

    def __init__(self, layout, modelOf: Callable, onChanged: Callable[[], None]) -> None:
        self._modelOf, self._onChanged = modelOf, onChanged
        self._path = ""
        self._listed: list[tuple[str, str, CaseInput | None, str]] = []  # key, text, input, why not
        self._chosen: dict[str, bool] = {}  # by key; what the user has chosen
        self._volumes: dict[str, vtk.vtkWeakReference] = {}  # by key
        self._left: str = ""  # what is not in the list, and why
        self._steps: Steps | None = None
        self._isFilling = False
        self._filledFor: tuple | None = None
        self.box = qt.QComboBox()
        self.box.objectName = "casesSource"
        for name, text in (
            (SCENE, _("Volumes of the scene")),
            (DICOM, _("DICOM database")),
            (FOLDER, _("Folder of files…")),
        ):
            self.box.addItem(text, name)
        self.box.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self.box.connect("currentIndexChanged(int)", self._onSource)
        self.chooseButton = makeButton(
            "casesPathButton", _("Choose…"), _("Chooses the folder that is searched for images"), self.choosePath
        )
        self.list = qt.QListWidget()
        self.list.objectName = "casesList"
        self.list.setSelectionMode(qt.QAbstractItemView.NoSelection)
        self.list.connect("itemChanged(QListWidgetItem*)", self._onItem)
        self.allButton = makeButton("casesAllButton", _("All"), _("Takes all images of the list"), self.takeAll)
        self.noneButton = makeButton("casesNoneButton", _("None"), _("Takes no image of the list"), self.takeNone)
        self.status = makeLabel("casesInputStatus")
        self._buttons = makeRow(self.allButton, self.noneButton)
        for widget in (makeRow(self.box, self.chooseButton), self.list, self._buttons, self.status):
            layout.addWidget(widget)

    @property
    def source(self) -> str:
        return str(self.box.itemData(self.box.currentIndex))

    def inputs(self) -> list[CaseInput]:
        """What is chosen."""
        if self.source == FOLDER:
            return [inputOfPath(self._path)] if self._path else []
        return [source for key, _text, source, _why in self._listed if source is not None and self._isChosen(key)]

    def whyNone(self) -> str:
        """Why nothing is chosen, a sentence for the user; empty when something is."""
        if self.inputs():
            return ""
        if self.source == FOLDER:
            return _("Choose the folder with the images.")
        if self._modelOf() is None:
            return _("Choose a model above.")
        if self.source == DICOM:
            if not hasDatabase():
                return _("Slicer's DICOM database is not open: open the DICOM module once.")
            if self._steps is not None:
                return _("Reading the DICOM database…")
            return (
                _("Tick the series to run.") if self._listed else _("The DICOM database has no series for this model.")
            )
        if self._listed:
            return _("Tick the volumes to run.")
        return _("No volume of the scene fits this model. Load images, or take them from a folder.")

    def refresh(self) -> None:
        """For another scene, model or source."""
        model = self._modelOf()
        isList = self.source != FOLDER
        self.chooseButton.visible = not isList
        self._left = ""
        if self.source == SCENE:
            self._stop()
            fitting, reasons = fittingVolumes(model) if model is not None else ([], [])
            if reasons:
                self._left = "\n".join(reasons)
            self._forgetOthers(fitting)
            self._list([(node.GetID(), node.GetName() or "", inputOfVolume(node), "") for node in fitting])
        elif self.source == DICOM:
            reference = model.reference if model is not None else ""
            if self._filledFor != (DICOM, reference):
                self._stop()
                self._filledFor = (DICOM, reference)
                self._list([])
                if model is not None and hasDatabase():
                    self._steps = Steps(fittingSeries(model), self._onSeries)
        else:
            self._stop()
            self._list([])
        self._say()

    def lookAgain(self) -> None:
        """Series may have been imported meanwhile."""
        self._filledFor = None

    def choosePath(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder that is searched for images"), self._path
        )
        if folder:
            self._path = str(folder)
            self._say()
            self._onChanged()

    def takeAll(self) -> None:
        self._take(True)

    def takeNone(self) -> None:
        self._take(False)

    def cleanup(self) -> None:
        self._stop()
        self.box.disconnect("currentIndexChanged(int)", self._onSource)
        self.list.disconnect("itemChanged(QListWidgetItem*)", self._onItem)
        self._listed = []

    def _stop(self) -> None:
        if self._steps is not None:
            self._steps.cancel()
        self._steps, self._filledFor = None, None

    def _onSource(self, index: int) -> None:
        self._filledFor = None
        self.refresh()
        self._onChanged()

    def _onSeries(self, found: tuple) -> None:
        self._steps = None
        series, others = found
        if others:
            self._left = _("{count} series are of another modality than the model's.").format(count=others)
        self._list([(row.uid, row.text, row.source, row.reason) for row in series])
        self._say()
        self._onChanged()

    def _list(self, listed: list[tuple[str, str, CaseInput | None, str]]) -> None:
        wasListed, self._listed = self._listed, listed
        if [row[:2] for row in wasListed] != [row[:2] for row in listed]:
            self._fill()
        self.list.visible = self._buttons.visible = bool(listed)

    def _fill(self) -> None:
        self._isFilling = True
        self.list.clear()
        for key, text, source, why in self._listed:
            item = qt.QListWidgetItem(text)
            item.setFlags(
                qt.Qt.ItemIsUserCheckable | (qt.Qt.ItemIsEnabled if source is not None else qt.Qt.NoItemFlags)
            )
            item.setCheckState(qt.Qt.Checked if source is not None and self._isChosen(key) else qt.Qt.Unchecked)
            item.setToolTip(toolTipOf(why or text))
            self.list.addItem(item)
        self._isFilling = False
        rows = min(VISIBLE_ROWS, len(self._listed))
        height = self.list.sizeHintForRow(0) if rows else 0
        self.list.setFixedHeight(int(rows * height + 2 * self.list.frameWidth))

    def _forgetOthers(self, volumes: list) -> None:
        """A closed scene's ids come back in the next one: what was chosen of another patient's volume is no choice."""
        for node in volumes:
            key = node.GetID()
            if key in self._volumes and self._volumes[key].Get() is not node:
                self._chosen.pop(key, None)
                self._listed = []  # even if all names are alike, the ticks are not
            self._volumes[key] = weakReference(node)

    def _isChosen(self, key: str) -> bool:
        """Of a database that may hold the hospital's images, nothing is taken unasked."""
        return self._chosen.get(key, self.source == SCENE)

    def _take(self, isChosen: bool) -> None:
        for key, _text, source, _why in self._listed:
            if source is not None:
                self._chosen[key] = isChosen
        self._fill()
        self._say()
        self._onChanged()

    def _onItem(self, item) -> None:
        if self._isFilling:
            return
        row = self.list.row(item)
        if 0 <= row < len(self._listed):
            self._chosen[self._listed[row][0]] = item.checkState() == qt.Qt.Checked
            self._say()
            self._onChanged()

    def _say(self) -> None:
        if self.source == FOLDER:
            text = self._path or self.whyNone()
        else:
            text = self.whyNone() or _("Chosen: {chosen} of {count}.").format(
                chosen=len(self.inputs()), count=len(self._listed)
            )
            if self._left:
                lines = self._left.splitlines()
                more = (
                    lines[0] if len(lines) == 1 else _("{count} images do not fit the model.").format(count=len(lines))
                )
                text = f"{text} {more}"
        self.status.text = text
        self.status.toolTip = toolTipOf(self._left)
