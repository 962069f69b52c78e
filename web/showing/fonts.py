"""Fonts of reports, by character.

Helvetica, which every viewer has, writes Western European text, and FiraGO (SIL Open Font License),
whose used letters are embedded, other alphabets: all of Latin (Vietnamese, too), Greek, Cyrillic,
Arabic, Hebrew, Georgian and Thai. Devanagari is legible, without its conjuncts. A font for Chinese,
Japanese and Korean would be larger than this program: such text names one, which viewers bring
along or fetch; one that does neither leaves it blank. A character of other scripts is a black
square.
"""

import io
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import NamedTuple, Self
from xml.sax.saxutils import escape

import arabic_reshaper
from pymupdf_fonts import fontbuffers
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph

EMBEDDED = "FiraGO"
JAPANESE, KOREAN, CHINESE = "HeiseiKakuGo-W5", "HYGothic-Medium", "STSong-Light"
KANA, HANGUL, HAN = "\u3040\u30ff", "\uac00\ud7a3", "\u3400\u9fff"  # first and last
FULL_WIDTH = "\u3000\u303f"  # and punctuation
RIGHT_TO_LEFT = {"R", "AL"}
HEBREW_POINTS = frozenset(map(chr, range(0x591, 0x5C8)))


class _Kind(NamedTuple):
    """font: None for the one of the paragraph."""

    font: str | None
    is_rtl: bool = False


class Text(Paragraph):
    """Plain text; file names, comments and names of people in any of these alphabets."""

    plain = ""  # of a part that a page break cut off: nothing, it is broken into lines already

    @classmethod
    def of(cls, text: str, style: ParagraphStyle) -> Self:
        paragraph = cls(markup(text), style)
        paragraph.plain = text
        return paragraph

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        # ReportLab breaks what it is given from the left: lines whose words are turned round
        # already would be read from the last one up.
        if any(map(_is_rtl, self.plain)):
            text = "<br/>".join(map(markup, _lines(self.plain, self.style, width)))
            Paragraph.__init__(self, text, self.style)
        return super().wrap(width, height)


def markup(text: str) -> str:
    """text: one line, or without right-to-left words. Returns: markup of a ReportLab paragraph."""
    if _is_western(text):
        return escape(text)
    return "".join(
        _run(kind, "".join(character for character, _ in run))
        for kind, run in groupby(_kinds(text), key=lambda pair: pair[1])
    )


def _lines(text: str, style: ParagraphStyle, width: float) -> list[str]:
    """width: of a line, in points. A word that is longer has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer, style) > width:
            lines.append(word)
        else:
            lines[-1:] = [longer]
    return lines


def _width(text: str, style: ParagraphStyle) -> float:
    return sum(
        stringWidth(character, kind.font or style.fontName, style.fontSize)
        for character, kind in _kinds(text)
    )


def _run(kind: _Kind, text: str) -> str:
    if kind.is_rtl:
        text = "".join(one for one in reversed(_joined(text)) if one not in HEBREW_POINTS)
    return escape(text) if kind.font is None else f'<font name="{kind.font}">{escape(text)}</font>'


def _joined(text: str) -> str:
    """With Arabic letters in the forms that they have beside each other, and without vowel marks
    (as names are written): they would need to be placed over each letter."""
    shaped = arabic_reshaper.reshape(text)
    # A letter that stands alone looks like the letter itself.
    return "".join(
        one if ord(one) in _letters() else unicodedata.normalize("NFKC", one) for one in shaped
    )


def _kinds(text: str) -> Iterator[tuple[str, _Kind]]:
    """Each character with its kind; a space between two words of one kind has theirs.

    This is what of the bidirectional algorithm reports need: the libraries for all of it are under
    the GPL or LGPL.
    """
    kinds = [
        kind for word in text.split(" ") for kind in (_Kind(None), *_kinds_of_word(word, text))
    ]
    del kinds[0]  # each word has a space before it, but for the first
    for place, character in enumerate(text):
        before, after = kinds[place - 1 : place], kinds[place + 1 : place + 2]
        is_between = character == " " and before and before == after
        yield character, before[0] if is_between else kinds[place]


def _kinds_of_word(word: str, text: str) -> list[_Kind]:
    """No word changes its font for a letter with an accent."""
    kinds = [_kind(character, _asian(text)) for character in word]
    western, embedded = _Kind(None), _Kind(EMBEDDED)
    return [embedded if kind == western else kind for kind in kinds] if embedded in kinds else kinds


def _kind(character: str, asian: str) -> _Kind:
    if _is_western(character):
        return _Kind(None)
    if ord(character) in _letters():
        return _Kind(EMBEDDED, _is_rtl(character))
    if any(_is_of(character, script) for script in (KANA, HANGUL, HAN, FULL_WIDTH)):
        return _Kind(asian)
    return _Kind(None)


def _asian(text: str) -> str:
    """Han characters are drawn as the language of the text draws them."""
    if any(_is_of(character, KANA) for character in text):
        return JAPANESE
    return KOREAN if any(_is_of(character, HANGUL) for character in text) else CHINESE


def _is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in RIGHT_TO_LEFT or character in HEBREW_POINTS


def _is_of(character: str, script: str) -> bool:
    return script[0] <= character <= script[1]


def _is_western(text: str) -> bool:
    """Whether Helvetica has it."""
    try:
        return bool(text.encode("cp1252")) or not text
    except UnicodeEncodeError:
        return False


@cache
def _letters() -> frozenset[int]:
    """What the embedded font has. Loads and registers it, and the names of the others."""
    font = TTFont(EMBEDDED, io.BytesIO(fontbuffers["figo"]()))
    for one in (font, *map(UnicodeCIDFont, (JAPANESE, KOREAN, CHINESE))):
        registerFont(one)
        name = one.fontName
        # One weight serves headings, too.
        registerFontFamily(name, normal=name, bold=name, italic=name, boldItalic=name)
    return frozenset(font.face.charToGlyph)
