"""The viewer: pixels, size, place, grey values and maps, by mouse, keys and fingers."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.access import sign_in_page
from tests.support.browser import loaded
from tests.support.pictures import dicom_bytes, png_of
from tests.support.results import done, rejected, work
from web.language.asked import COOKIE
from worker.records.images import MapRecord
from worker.records.jobs import NewImage
from worker.records.work import Claim, FinishedImage

SIDE = 600
# Two halves that 8 bits cannot tell apart, in a film that has the whole range.
DARK, BRIGHT = 30_000, 30_060


@pytest.fixture
def film(radiographs) -> Path:
    """A chest of the size that films have."""
    return radiographs["RG1_J2KI"]


@pytest.fixture
def deep(tmp_path) -> Path:
    """A DICOM film of 16 bits."""
    pixels = np.full((SIDE, SIDE), DARK, np.uint16)
    pixels[:, SIDE // 2 :] = BRIGHT
    pixels[:60] = np.linspace(20_000, 40_000, SIDE).astype(np.uint16)
    pixels[0, 0], pixels[0, 1] = 0, 65_535
    file = tmp_path / "deep.dcm"
    file.write_bytes(dicom_bytes(pixels, WindowCenter=30_000, WindowWidth=20_000))
    return file


@pytest.fixture
def view(page, site):
    """Opens the page of a film, classified unless `result` says otherwise."""

    def view(file: Path, size: int = SIDE, result=done, **opened: int) -> Page:
        def sized(claim: Claim) -> FinishedImage:
            return replace(result(claim), width=size, height=size)

        site.job("One", [NewImage(file.name, site.keep(file), 1)])
        work(site.store, 1, sized if result is done else result)
        page.goto(f"{site.address}/images/1")
        loaded(page, 1)
        return page

    return view


def grey(page: Page, x: int, y: int) -> int:
    """What the canvas shows at a pixel of the film, once it was drawn as the page was last asked
    to: grey values are drawn in the frame after."""
    return page.locator("#pixels").evaluate(
        """async (canvas, [x, y]) => {
            await new Promise(requestAnimationFrame);
            return canvas.getContext("2d").getImageData(x, y, 1, 1).data[0];
        }""",
        [x, y],
    )


def zoom(page: Page) -> int:
    return int(page.locator("#zoom").inner_text().rstrip(" %"))


def place(stage: Locator) -> list[float]:
    """The film's transform: a, b, c, d, x, y of its matrix."""
    matrix = stage.locator("#film").evaluate("(film) => getComputedStyle(film).transform")
    return [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", matrix)]


def test_every_pixel_and_grey_value_of_the_film_is_there(view, film):
    page = view(film, size=1841)
    canvas = page.locator("#pixels")
    assert canvas.evaluate("(canvas) => [canvas.width, canvas.height]") == [1841, 1955]


def test_a_narrow_window_shows_what_8_bits_cannot(view, deep):
    page = view(deep)
    middle = SIDE // 2
    assert abs(grey(page, 10, middle) - grey(page, SIDE - 10, middle)) <= 1
    for _ in range(30):
        page.keyboard.press(".")
    page.wait_for_function(
        """() => {
            const context = document.getElementById("pixels").getContext("2d");
            const at = (x) => context.getImageData(x, 300, 1, 1).data[0];
            return at(590) - at(10) > 8;
        }"""
    )
    page.keyboard.press("d")
    page.wait_for_function(
        """() => {
            const context = document.getElementById("pixels").getContext("2d");
            const at = (x) => context.getImageData(x, 300, 1, 1).data[0];
            return at(590) - at(10) <= 1;
        }"""
    )


def test_grey_values_by_drag_keys_and_presets(view, deep):
    page = view(deep)
    # The file asks for 31 %, of which the extremes are left out.
    expect(page.locator("#window-note")).to_have_text("Window 28 %, level 46 %")
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 150, y - 80)
    page.mouse.up(button="right")
    expect(page.locator("#window-note")).to_have_text(re.compile("Window 4[5-7] %, level 40 %"))
    page.get_by_text("Window presets").click()
    page.get_by_role("button", name="Whole range").click()
    expect(page.locator("#window-note")).to_have_text("Window 100 %, level 50 %")
    before = grey(page, 10, 10)
    page.keyboard.press("i")
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "true")
    assert grey(page, 10, 10) == 255 - before


def test_size_and_place_by_wheel_drag_and_keys(view, deep):
    page = view(deep)
    stage = page.locator("#stage")
    assert zoom(page) == 100, "real size, because it fits"
    box = stage.bounding_box()
    x, y = box["x"] + box["width"] / 2 + 100, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    expect(page.locator("#zoom")).to_have_text("182 %")
    scale, _, _, _, left, _ = place(stage)
    # What was under the pointer is still there: 100 pixels right of the film's middle.
    assert left + scale * (SIDE / 2 + 100) == pytest.approx(x - box["x"], abs=1)

    page.mouse.down()
    page.mouse.move(x + 60, y + 20)
    page.mouse.up()
    after = place(stage)
    assert after[4] - left == pytest.approx(60, abs=1)
    page.keyboard.press("Shift+ArrowLeft")
    assert place(stage)[4] - after[4] == pytest.approx(60, abs=1)

    page.keyboard.press("0")
    fitted = zoom(page)
    height = stage.evaluate("(room) => room.clientHeight")
    assert fitted == pytest.approx(100 * height / SIDE, abs=1)
    page.keyboard.press("+")
    assert zoom(page) == pytest.approx(fitted * 1.25, abs=1)
    page.keyboard.press("1")
    assert zoom(page) == 100
    page.keyboard.press("r")
    turned = place(stage)
    assert (round(turned[0]), round(turned[1])) == (0, 1)


def test_fingers_pinch_and_move(visit, site, deep):
    page = visit(900, 1100, touch=True)
    site.job("One", [NewImage("deep.dcm", site.keep(deep), 1)])
    work(site.store, 1, lambda claim: replace(done(claim), width=SIDE, height=SIDE))
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    touch("touchStart", (x - 50, y))
    touch("touchStart", (x - 50, y), (x + 50, y))
    for apart in (60, 80, 100):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    assert zoom(page) == pytest.approx(200, abs=10)
    left = place(page.locator("#stage"))[4]
    touch("touchStart", (x, y))
    touch("touchMove", (x + 40, y))
    touch("touchEnd")
    assert place(page.locator("#stage"))[4] - left == pytest.approx(40, abs=2)


def test_a_small_film_is_shown_as_it_is_and_enlarged_with_a_word(view, tmp_path):
    file = tmp_path / "small.png"
    file.write_bytes(png_of(np.random.default_rng(0).random((224, 224))))
    page = view(file, size=224)
    assert zoom(page) == 100
    expect(page.locator("#enlarged")).to_be_hidden()
    page.get_by_role("button", name="Fit").click()
    expect(page.locator("#enlarged")).to_have_text(
        "Enlarged: the film has 224 \u00d7 224 pixels, no more detail."
    )


def test_a_film_uses_a_wide_screen(visit, site, deep):
    page = visit(2560, 1400)
    site.job("One", [NewImage("deep.dcm", site.keep(deep), 1)])
    work(site.store, 1)
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/images/1")
    assert page.locator("#stage").bounding_box()["width"] > 2000


def test_the_map_is_off_until_it_is_chosen_by_name(view, chest):
    page = view(chest, size=1841)
    expect(page.locator("#map")).to_be_hidden()
    expect(page.get_by_label("None")).to_be_checked()
    page.get_by_label("Attention").check()
    expect(page.locator("#map")).to_have_css("opacity", "0.6")
    expect(page.locator(".lines:not(.halo)")).to_have_count(1)
    # The film's edge that the network did not see: 5 % on either side.
    expect(page.locator(".frame")).to_have_count(1)
    expect(page.locator("#unseen-part")).to_contain_text("did not see the 10 % of the X-ray")
    film, shown = (page.locator(name).bounding_box() for name in ("#film", "#map"))
    assert shown["width"] == pytest.approx(0.9 * film["width"], rel=0.01)
    assert shown["x"] - film["x"] == pytest.approx(0.05 * film["width"], abs=1)

    page.keyboard.press("]")
    expect(page.locator("#map")).to_have_css("opacity", "0.7")
    page.keyboard.press("o")
    expect(page.locator(".lines")).to_have_count(0)
    page.reload()
    loaded(page, 1)
    expect(page.locator("#map")).to_have_css("opacity", "0.7")
    page.keyboard.press("m")
    expect(page.get_by_label("None")).to_be_checked()
    expect(page.locator("#map")).to_be_hidden()
    expect(page.locator(".frame")).to_have_count(0)


def test_evidence_for_and_against_has_two_colours(view, chest):
    grid = np.zeros((9, 9), np.float16)
    grid[4, 2], grid[4, 6] = 2.0, -1.5
    whole = (0.0, 0.0, 1.0, 1.0)

    def with_evidence(claim: Claim) -> FinishedImage:
        finished = replace(done(claim), width=1841, height=1955)
        maps = [*finished.result.maps, MapRecord("evidence_COVID19", grid, whole)]
        return replace(finished, result=replace(finished.result, maps=maps))

    page = view(chest, result=with_evidence)
    page.get_by_label("Evidence for COVID-19").check()
    expect(page.locator("#legend-signed")).to_be_visible()
    expect(page.locator("#legend-rising")).to_be_hidden()
    colours = page.locator("#map").evaluate(
        """(canvas) => [2.5 / 9, 6.5 / 9, 0.5].map((x) => [...canvas.getContext("2d")
            .getImageData(x * canvas.width, canvas.height / 2, 1, 1).data])"""
    )
    (red, _, blue, most), (red2, _, blue2, less), (*_, none) = colours
    assert red > blue
    assert most > 230
    assert blue2 > red2
    assert less == pytest.approx(0.75 * most, rel=0.1)
    assert none < 20
    expect(page.locator(".lines.below:not(.halo)")).to_have_count(1)
    expect(page.locator("#unseen-part")).to_be_hidden()


def test_a_refused_film_can_be_looked_at(view, radiographs):
    page = view(radiographs["RG3_J2KI"], result=rejected)
    expect(page.locator("#pixels")).to_be_visible()
    expect(page.get_by_text("frontal view of the chest")).to_be_visible()


def test_without_the_film_the_small_picture_stays(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    work(site.store, 1)
    page.route("**/film.png", lambda route: route.abort())
    page.goto(f"{site.address}/images/1")
    expect(page.get_by_text("full resolution cannot be loaded")).to_be_visible()
    assert page.locator("#xray").evaluate("(image) => image.naturalWidth") > 300
    page.keyboard.press("i")
    expect(page.get_by_text("The film is still loading.")).to_be_visible()
    page.unroute("**/film.png")
    loaded(page, 1)
    expect(page.locator("#said")).to_be_empty()


def test_a_film_comes_once_the_server_is_back(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    work(site.store, 1)
    pictures = "**/api/v1/images/1/*"
    page.route(pictures, lambda route: route.abort("connectionrefused"))
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#no-picture")).to_have_text("The X-ray cannot be loaded. Trying again…")
    page.unroute(pictures)
    loaded(page, 1)
    expect(page.locator("#no-picture")).to_be_hidden()
    page.wait_for_function("() => document.getElementById('xray').naturalWidth > 100")


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Something went wrong on the server."), ("es", "Se produjo un error en el servidor.")],
)
def test_a_server_with_a_fault_is_not_called_unreachable(page, site, language, said):
    """It is told in the reader's language, though the API says it in English."""
    site.job("One", [NewImage("a.dcm", None, 1, "unreadable", "Empty.")])
    page.context.add_cookies([{"name": COOKIE, "value": language, "url": site.address}])
    fault = {"code": "internal_error", "detail": "Something went wrong on the server."}
    page.route("**/api/v1/**", lambda route: route.fulfill(status=500, json=fault))
    page.goto(site.address)
    expect(page.locator("#jobs-error")).to_contain_text(said)
    expect(page.locator("#jobs-loading")).to_be_hidden()
    page.unroute_all()
    expect(page.get_by_role("link", name="One")).to_be_visible()
    expect(page.locator("#jobs-error")).to_be_hidden()
