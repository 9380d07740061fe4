"""The few pieces of HTML that a report card is made of; every text that comes in is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape


def section(title: str, *parts: str) -> str:
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{inside}\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    return f"<p{_class(kind)}>{escape(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """The first column holds the rows' names; the others are numbers."""
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [_row(row) for row in rows]
    body = "\n".join(lines)
    return f'<div class="wide"><table{_class(kind)}>\n<tr>{columns}</tr>\n{body}\n</table></div>'


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>\n" + "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs) + "\n</dl>"


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """True classes in rows, answers in columns, shaded by the share of the row."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    lines = []
    for name, row in zip(classes, counts, strict=True):
        shares = [count / max(sum(row), 1) for count in row]
        cells = [
            f'<td style="background:rgba(43,108,176,{0.6 * share:.2f})">{count}</td>'
            for count, share in zip(row, shares, strict=True)
        ]
        lines.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table class="confusion">\n<tr><th>truth \\ model</th>{head}</tr>\n{body}\n</table></div>'
    )


def plot(svg: str, description: str) -> str:
    return _image("image/svg+xml", svg.encode("utf-8"), description)


def photograph(jpeg: bytes, description: str, caption: Sequence[str]) -> str:
    lines = "<br>".join(escape(line) for line in caption)
    return f"<figure>{_image('image/jpeg', jpeg, description)}<figcaption>{lines}</figcaption></figure>"


def side_by_side(*parts: str) -> str:
    return '<div class="grid">\n' + "\n".join(parts) + "\n</div>"


def folded(title: str, inside: str) -> str:
    return f"<details>\n<summary>{escape(title)}</summary>\n{inside}\n</details>"


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    return f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'


def _image(kind: str, content: bytes, description: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<img src="data:{kind};base64,{data}" alt="{escape(description)}">'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
