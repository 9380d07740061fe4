"""Names are shown as they are written: Qt would take what stands in angle brackets for HTML."""

from __future__ import annotations

import html


def toolTipOf(text: str) -> str:
    """Tool tips have no format that could be set; plain text passes as it is."""
    if "<" not in text:
        return text
    return "<qt>" + html.escape(text, quote=False).replace("\n", "<br>") + "</qt>"
