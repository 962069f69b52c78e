"""Reports in the alphabets that names are written in."""

import io
import unicodedata

import pypdf
import pytest
from fontTools.ttLib import TTFont
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import SimpleDocTemplate

from web.showing.fonts import Text

STYLE = getSampleStyleSheet()["BodyText"]


def drawn(text: str, style=STYLE) -> pypdf.PageObject:
    file = io.BytesIO()
    SimpleDocTemplate(file).build([Text.of(text, style)])
    return pypdf.PdfReader(file).pages[0]


def read(page: pypdf.PageObject) -> str:
    """With Arabic letters as they are typed, whatever form they have in a word."""
    return unicodedata.normalize("NFKC", page.extract_text()).strip()


def fonts(page: pypdf.PageObject) -> dict[str, bool]:
    """Each font that the page names, and whether it is in the file."""
    found = (one.get_object() for one in page["/Resources"]["/Font"].values())
    return {str(one["/BaseFont"]).split("+")[-1]: _is_embedded(one) for one in found}


def _is_embedded(font) -> bool:
    return "/FontFile2" in font.get("/FontDescriptor", {})


@pytest.mark.parametrize(
    "text",
    [
        "Κλινική Αγία Άννα",
        "Клиника Святой Анны.png",
        "Szpital Świętej Łucji, Žďár, Gümüşhane",
        "Bệnh viện Thánh Anna",
        "โรงพยาบาลเซนต์แอนน์",
        "წმინდა ანას კლინიკა",
        "בית חולים",
        "مستشفى القديسة",
    ],
)
@pytest.mark.parametrize("style", ["BodyText", "Heading2"])
def test_letters_are_drawn_from_a_font_in_the_file(text, style):
    page = drawn(text, getSampleStyleSheet()[style])
    assert read(page) == unicodedata.normalize("NFKC", text)
    assert any(fonts(page).values())


def outlines(text: str) -> set[str]:
    """Of all glyphs in the file's font: ASCII, the empty box of what is missing, and the text's."""
    named = [font.get_object() for font in drawn(text)["/Resources"]["/Font"].values()]
    (embedded,) = filter(_is_embedded, named)
    program = embedded["/FontDescriptor"]["/FontFile2"].get_object().get_data()
    glyphs = TTFont(io.BytesIO(program))["glyf"]
    return {str(glyphs[name].getCoordinates(glyphs)[0]) for name in glyphs.keys()}  # noqa: SIM118


def test_each_letter_has_a_shape_of_its_own():
    letters = "ЖψกაשČ"
    assert len(outlines(letters) - outlines("Č")) == len(letters) - 1


def test_western_text_needs_no_font_in_the_file():
    page = drawn("Clínica Santa Ana, 5 €")
    assert read(page) == "Clínica Santa Ana, 5 €"
    assert fonts(page) == {"/Helvetica": False}


def test_a_name_is_text_and_not_markup():
    assert read(drawn("<b>Клиника</b> & x")) == "<b>Клиника</b> & x"


def test_arabic_letters_are_joined():
    assert "\N{ARABIC LETTER SEEN MEDIAL FORM}" in drawn("مستشفى").extract_text()


def test_a_long_comment_from_right_to_left_begins_on_its_first_line():
    words = ["ראשון", *["שלום"] * 40, "אחרון"]
    lines = read(drawn(" ".join(words))).splitlines()
    assert len(lines) > 1
    assert words[0] in lines[0]
    assert words[-1] in lines[-1]


def test_vowel_marks_are_left_out():
    assert read(drawn("שָׁלוֹם")) == "שלום"


def test_chinese_japanese_and_korean_name_a_font_of_the_viewer():
    for text, font in (("圣安娜", "STSong"), ("クリニック", "HeiseiKakuGo"), ("병원", "HYGothic")):
        page = drawn(text)
        assert read(page) == text
        assert any(font in name for name in fonts(page))
        assert not any(fonts(page).values())


def test_letters_of_no_font_are_squares():
    assert read(drawn("a தமிழ் 😀")).startswith("a ■")
