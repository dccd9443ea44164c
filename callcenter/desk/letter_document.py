"""A letter as a document that a text processor opens: to be printed, signed and posted (ESTP 5.5.2)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime, time

from docx import Document
from docx.document import Document as Made
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from callcenter.desk.letter_sheet import Sheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_FONT, _SIZE = "Times New Roman", Pt(12)
_TO_FROM_LEFT = Mm(85)
"""Where the addressee begins, as GOST R 7.0.97 has it: on the right."""


def document(sheet: Sheet) -> bytes:
    """Return the letter as a .docx file: the same letter is the same file. Not for the event loop."""
    made = Document()
    _lay_out(made, sheet)
    _block(made, sheet.sender, bold_first=True)
    _block(made, filter(None, (sheet.number, sheet.reference)))
    _block(made, sheet.to, indent=True)
    subject = _paragraph(made, sheet.subject)
    subject.runs[0].bold = True
    subject.paragraph_format.space_after = Pt(12)
    for one in sheet.paragraphs:
        text = _paragraph(made, one)
        text.paragraph_format.first_line_indent = Mm(12.5)
        text.paragraph_format.space_after = Pt(6)
        text.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    if sheet.enclosed:
        _paragraph(made, sheet.enclosed).paragraph_format.space_before = Pt(12)
    _block(made, sheet.signed, before=Pt(24))
    into = io.BytesIO()
    made.save(into)
    return into.getvalue()


def _lay_out(made: Made, sheet: Sheet) -> None:
    """A4, with the margins of business letters; and no traces of the library's own example."""
    page = made.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin, page.right_margin, page.top_margin, page.bottom_margin = Mm(30), Mm(15), Mm(20), Mm(20)
    style = made.styles["Normal"]
    style.font.name, style.font.size = _FONT, _SIZE
    style.paragraph_format.space_after = Pt(0)
    about = made.core_properties
    about.author, about.title, about.comments = sheet.sender[0] if sheet.sender else "", sheet.number[:255], ""
    about.language = "ru-RU"
    about.created = about.modified = datetime.combine(sheet.dated, time(12))
    about.author = about.author[:255]


def _block(
    made: Made, lines: Iterable[str], *, indent: bool = False, bold_first: bool = False, before: Pt | None = None
) -> None:
    """Add lines that belong together, and space below them."""
    last: Paragraph | None = None
    for place, one in enumerate(lines):
        last = _paragraph(made, one)
        if indent:
            last.paragraph_format.left_indent = _TO_FROM_LEFT
        if before is not None and place == 0:
            last.paragraph_format.space_before = before
        last.runs[0].bold = bold_first and place == 0
    if last is not None:
        last.paragraph_format.space_after = Pt(18)


def _paragraph(made: Made, text: str) -> Paragraph:
    """Add a paragraph. The library escapes what XML has to have escaped; a `Sheet` has no character that XML lacks."""
    paragraph = made.add_paragraph()
    paragraph.add_run(text)
    return paragraph
