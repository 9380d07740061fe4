"""The list of cases as files: CSV for other programs, HTML to read and to print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.errors import EngineError
from ResFormerSegLib.cases.logic import csvOf
from ResFormerSegLib.cases.row import Row
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.report_packages import installReportPackages, missingPackages
from ResFormerSegLib.panel.widgets import makeButton, makeRow

NAME = "cases"


class CasesExport:
    """rowsOf: the folder of the results, and the rows. requirementsFile: beside those of the reports. say: shows a
    sentence."""

    def __init__(
        self,
        layout,
        logic,
        rowsOf: Callable[[], tuple[str, list[Row]]],
        requirementsFile: str,
        say: Callable[[str], None],
    ) -> None:
        self._logic, self._rowsOf, self._say = logic, rowsOf, say
        self._requirements = str(Path(requirementsFile).parent)
        self._job = None
        self.csvButton = makeButton(
            "casesCsvButton", _("Export CSV…"), _("The table as a file for other programs"), self.saveCsv
        )
        self.htmlButton = makeButton(
            "casesHtmlButton", _("Export HTML…"), _("The table as a page, to read and to print"), self.saveHtml
        )
        self._widget = makeRow(self.csvButton, self.htmlButton)
        layout.addWidget(self._widget)

    def setRows(self, hasRows: bool) -> None:
        self._widget.visible = hasRows

    def saveCsv(self) -> None:
        folder, rows = self._rowsOf()
        file = self._ask(folder, ".csv", _("Table (*.csv)"))
        if not file:
            return
        try:
            atomic_write_text(file, "\N{BYTE ORDER MARK}" + csvOf(rows))  # spreadsheets know UTF-8 by the mark
        except EngineError as error:
            self._say(str(error))
            return
        self._say(_("Saved: {file}").format(file=file))

    def saveHtml(self) -> None:
        """Asks first if a package is missing."""
        if self._job is not None:
            return
        folder, rows = self._rowsOf()
        file = self._ask(folder, ".html", _("Page (*.html)"))
        if not file:
            return
        try:
            if missing := missingPackages(["html"]):
                installReportPackages(self._requirements, missing)
                self._logic.renewEngine()
            self._job = self._logic.casesPage(
                folder, rows, file, wait=False, onFinished=self._onFinished, onFailed=self._onFailed
            )
        except ResFormerSegError as error:
            self._say(str(error))

    def cleanup(self) -> None:
        job, self._job = self._job, None
        self._say = _ignore
        if job is not None:
            job.cancel()

    def _onFinished(self, file: str) -> None:
        self._job = None
        self._say(_("Saved: {file}").format(file=file))

    def _onFailed(self, error: ResFormerSegError) -> None:
        self._job = None
        if error.code != "CANCELLED":
            self._say(str(error))

    def _ask(self, folder: str, ending: str, kind: str) -> str:
        """The file to write, with its ending; empty when the user cancelled."""
        proposed = str(Path(folder) / f"{NAME}{ending}")
        file = str(
            qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), _("Save the list of cases"), proposed, kind) or ""
        )
        return file if not file or file.lower().endswith(ending) else file + ending


def _ignore(*arguments) -> None:
    """The default of a callback."""
