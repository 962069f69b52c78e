"""The main way through the pages in Firefox: sign in, upload, watch, result, viewer."""

import json
from collections.abc import Iterator

import pytest

from tests.support.access import TOKEN
from tests.support.firefox import Firefox, firefox_path, running_firefox
from tests.support.results import done, rejected, work

MAP_KEY = "m"


@pytest.fixture
def firefox(tmp_path) -> Iterator[Firefox]:
    path = firefox_path()
    if path is None:
        pytest.skip("No Firefox: install it (as root: apt-get install firefox-esr)")
    (tmp_path / "profile").mkdir()
    with running_firefox(path, tmp_path / "profile") as browser:
        browser.set_size(1280, 900)
        yield browser


def has_row(name: str, text: str) -> str:
    """A script that tells whether the row of an image says something."""
    return f"""[...document.querySelectorAll("#rows .line")].some((row) =>
        row.innerText.includes({json.dumps(name)}) && row.innerText.includes({json.dumps(text)}))"""


@pytest.mark.timeout(600)
def test_from_the_sign_in_to_the_viewer(firefox, site, radiographs):
    chest = radiographs["RG1_J2KI"]
    firefox.goto(f"{site.address}/")
    firefox.wait_for("location.pathname === '/sign-in'")
    firefox.evaluate(f"document.getElementById('token').value = {json.dumps(TOKEN)}")
    firefox.evaluate("document.querySelector('main form').requestSubmit()")
    firefox.wait_for("location.pathname === '/' && !document.getElementById('no-jobs').hidden")

    firefox.choose_files("#files", [chest, radiographs["RG3_J2KI"]])
    firefox.wait_for("location.pathname === '/jobs/1'")
    firefox.wait_for(has_row(chest.name, "Waiting"))

    work(site.store, 1, done)
    work(site.store, 1, rejected)
    firefox.wait_for(has_row(chest.name, "81.9 %"))
    firefox.wait_for(has_row("RG3_J2KI.dcm", "Rejected"))
    firefox.wait_for("document.getElementById('state').textContent === 'Complete'")

    firefox.evaluate("document.querySelector('#image-1 a').click()")
    firefox.wait_for("location.pathname === '/images/1'")
    firefox.wait_for("document.querySelector('#image[data-loaded=true]') !== null")
    firefox.press(MAP_KEY)
    firefox.wait_for("!document.getElementById('map').hidden")
    firefox.press("+")
    firefox.wait_for("parseInt(document.getElementById('zoom').textContent) > 0")
    assert firefox.errors == []
