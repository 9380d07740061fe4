"""Prints a report's page to PDF with Qt's rich text, which knows less of styles than a browser."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

DOTS_PER_INCH = 96
MARGIN_MILLIMETRES = 14.0
FOOTER = 24.0  # dots
# Colours are set for each element: those that have none would take the application's, white on a dark one.
STYLE = """
body, p, table, tr, th, td, li, h1, h2, h3, span { color: #1a202c; }
h1 { font-size: 17pt; margin-bottom: 3px; } h2 { font-size: 13pt; margin-top: 14px; margin-bottom: 3px; }
h3 { font-size: 10pt; margin-top: 8px; } p { margin-top: 4px; margin-bottom: 4px; }
p.headline { font-size: 12pt; font-weight: bold; } p.grey { color: #718096; font-weight: bold; }
p.notice { background-color: #fffaf0; font-weight: bold; }
p.grave { background-color: #ffd9d6; color: #7a1410; font-weight: bold; }
p.warning { background-color: #fff4d6; color: #5c4300; } p.small { color: #4a5568; font-size: 8pt; }
th, td.name { color: #4a5568; }
"""
_STYLE_OF_PAGE = re.compile(r"<style>.*?</style>", re.DOTALL)
_WIDTH = re.compile(r'(<img [^>]*?)width="(\d+)" height="(\d+)"')
_LARGEST_PICTURE = 600, 340  # width and height in dots


def printToPdf(page: str, path: str) -> None:
    """page: the HTML. The file appears complete or not at all.

    Raises ResFormerSegError: PDF_NOT_WRITTEN.
    """
    temporary = str(Path(path).with_name(f".{uuid.uuid4().hex}.pdf"))
    try:
        Path(temporary).touch()  # raises where Qt would only write into the log
        _paint(page, temporary)
        if b"%%EOF" not in Path(temporary).read_bytes()[-64:]:  # Qt does not say so when the disk is full
            raise OSError("the file is incomplete")
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        raise ResFormerSegError(
            "PDF_NOT_WRITTEN",
            _("The PDF '{path}' could not be written completely.").format(path=path),
            _("Choose a folder in which you may write, with space left; or save the page as HTML and print that."),
            str(error),
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _paint(page: str, path: str) -> None:
    document = qt.QTextDocument()
    document.setDefaultFont(qt.QFont("Arial", 9))
    document.setDocumentMargin(0)
    document.setDefaultStyleSheet(STYLE)
    document.setHtml(_WIDTH.sub(_smaller, _STYLE_OF_PAGE.sub("", page)))
    writer = qt.QPdfWriter(path)
    writer.setResolution(DOTS_PER_INCH)
    writer.setPageSize(qt.QPageSize(qt.QPageSize.A4))
    margin = MARGIN_MILLIMETRES
    writer.setPageMargins(qt.QMarginsF(margin, margin, margin, margin), qt.QPageLayout.Millimeter)
    area = writer.pageLayout().paintRectPixels(DOTS_PER_INCH)
    width, height = float(area.width()), float(area.height()) - FOOTER
    document.documentLayout().setPaintDevice(writer)
    document.setPageSize(qt.QSizeF(width, height))  # from now on no line and no row is split between two pages
    painter = qt.QPainter()
    if not painter.begin(writer):
        raise RuntimeError("the file cannot be opened")
    try:
        count = document.pageCount()
        for number in range(count):
            if number:
                writer.newPage()
            painter.save()
            painter.translate(0.0, -number * height)
            document.drawContents(painter, qt.QRectF(0.0, number * height, width, height - 1.0))
            painter.restore()
            footer = qt.QRectF(0.0, height, width, FOOTER)
            painter.drawText(footer, int(qt.Qt.AlignRight), f"{number + 1} / {count}")
    finally:
        painter.end()


def _smaller(found: re.Match) -> str:
    width, height = int(found[2]), int(found[3])
    factor = min(1.0, _LARGEST_PICTURE[0] / width, _LARGEST_PICTURE[1] / height)
    return f'{found[1]}width="{round(width * factor)}" height="{round(height * factor)}"'
