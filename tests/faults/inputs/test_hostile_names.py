"""Names that attack: in the API, in exports and on pages they are text and nothing else."""

import csv
import html.parser
import io
import json

import pytest

from tests.faults.inputs.hostile_archives import packed
from tests.faults.inputs.hostile_names import FORMULA_STARTS, NAMES
from tests.support.access import signed_in_client
from tests.support.waiting import wait_for

PLAIN = "plain.png"
CONTENT = b"no picture"
ENCODABLE = [name for name in NAMES if "\ud800" not in name]


class Structure(html.parser.HTMLParser):
    """The elements of a page and the names of their attributes; the text of its main headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.headings: list[str] = []
        self.title = ""
        self._within: str | None = None
        self.feed(page)
        self.close()

    @property
    def heading(self) -> str:
        """The last: a job's page has another one, which is hidden unless the job was deleted."""
        return self.headings[-1]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attributes)))
        self._within = tag
        if tag == "h1":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = None

    def handle_data(self, text: str) -> None:
        if self._within == "h1":
            self.headings[-1] += text
        elif self._within == "title":
            self.title += text


@pytest.fixture(scope="module")
def submit(client):
    """Sends a job as JSON, which carries any name, and waits for it. Returns: it and its images."""

    def send(filenames, name: str = "") -> tuple[dict, list[dict]]:
        images = [{"filename": filename, "data": "bm8gcGljdHVyZQ=="} for filename in filenames]
        body = json.dumps({"name": name, "images": images}).encode()
        answer = client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 202, answer.text
        job = answer.json()
        address = f"/jobs/{job['id']}"
        wait_for(lambda: client.get(address).json()["status"] == "complete")
        return job, client.get(f"{address}/images", params={"limit": 500}).json()["items"]

    return send


@pytest.fixture(scope="module")
def images(submit) -> list[dict]:
    """One image of each hostile name, with a plain one before and after them."""
    _, images = submit([PLAIN, PLAIN, *NAMES, PLAIN])
    return images


@pytest.fixture(scope="module")
def reader(system):
    """A browser that has signed in."""
    reader = signed_in_client(system.url, system.token)
    yield reader
    reader.close()


def test_in_json_a_name_keeps_its_letters_and_loses_what_is_none(images):
    names = [image["filename"] for image in images[2:-1]]
    assert len(names) == len(NAMES)
    assert all(name.isprintable() for name in names)
    shown = dict(zip(NAMES, names, strict=True))
    assert shown["<script>alert(1)</script>.png"] == "<script>alert(1)</script>.png"
    assert shown["two\nlines.png"] == "two\ufffdlines.png"
    assert shown["right\u202eto left.gnp"] == "right\ufffdto left.gnp"
    assert shown["lone\ud800surrogate.png"] == "lone\ufffdsurrogate.png"
    assert shown["../../../etc/passwd"] == "etc/passwd"
    assert (
        shown["X-ray \U0001f9b4 of \U00020bb7野家.png"] == "X-ray \U0001f9b4 of \U00020bb7野家.png"
    )
    assert shown["."] == shown[" "] == "unnamed"


def test_in_csv_a_name_stays_in_its_cell_and_is_no_formula(client, images):
    text = client.get(f"/jobs/{images[0]['job_id']}/results.csv").text
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [int(row["image_id"]) for row in rows] == [image["id"] for image in images]
    assert text.count("\n") == 1 + len(images)
    for row, image in zip(rows, images, strict=True):
        name = image["filename"]
        # Apostrophes are added and nothing else; some spreadsheets split cells at semicolons, too.
        assert row["filename"].replace("'", "") == name.replace("'", "")
        parts = [part.lstrip(" ") for cell in row.values() for part in cell.split(";")]
        assert not [part for part in parts if part.startswith(FORMULA_STARTS)]
    assert sum(image["filename"].startswith(FORMULA_STARTS) for image in images) > 5


def test_the_json_export_is_what_the_list_says(client, images):
    export = client.get(f"/jobs/{images[0]['job_id']}/results.json").json()
    assert export["results"] == [image | {"reviews": []} for image in images]


def test_on_the_page_of_an_image_a_name_is_text(reader, images):
    plain = Structure(reader.get(f"/images/{images[1]['id']}").text)
    assert plain.heading == PLAIN
    for image in images[2:-1]:
        page = Structure(reader.get(f"/images/{image['id']}").text)
        assert page.heading == image["filename"]
        assert page.title == f"{image['filename']} · cxr-batch"
        assert page.elements == plain.elements


def test_on_the_page_of_a_job_its_name_is_text(reader, submit):
    plain = Structure(reader.get(f"/jobs/{submit([PLAIN], 'plain')[0]['id']}").text)
    for name in NAMES:
        job, _ = submit([PLAIN], name[:200])
        page = Structure(reader.get(f"/jobs/{job['id']}").text)
        assert job["name"].isprintable()
        assert page.heading == job["name"]
        assert page.elements == plain.elements


def test_on_the_first_page_the_names_of_jobs_are_text(reader, submit):
    submit([PLAIN], "plain")
    plain = set(Structure(reader.get("/").text).elements)
    for name in NAMES:
        submit([PLAIN], name[:200])
    answer = reader.get("/")
    assert set(Structure(answer.text).elements) == plain
    assert "Content-Security-Policy" in answer.headers


def test_names_in_a_form(client):
    """As browsers and programs send them: what breaks a header is encoded by the sender."""
    sent = [(name, CONTENT) for name in ENCODABLE]
    job = client.post("/jobs", files=[("files", file) for file in sent]).json()
    images = client.get(f"/jobs/{job['id']}/images", params={"limit": 500}).json()["items"]
    assert len(images) == len(ENCODABLE)
    assert all(image["filename"].isprintable() for image in images)


@pytest.mark.parametrize("name", ENCODABLE)
def test_names_that_break_their_header(client, name):
    """As no browser sends them: the upload is taken or refused, and says so."""
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + CONTENT + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/jobs", content=body, headers=kind)
    assert answer.status_code in (202, 422)
    if answer.status_code == 202:
        assert answer.json()["name"].isprintable()


def test_names_in_an_archive(client):
    content = packed([(name, CONTENT) for name in ENCODABLE])
    job = client.post("/jobs", files={"files": ("=names.zip", content)}).json()
    images = client.get(f"/jobs/{job['id']}/images", params={"limit": 500}).json()["items"]
    assert len(images) > len(ENCODABLE) - 5  # some mean a folder or a hidden file
    assert all(image["filename"].isprintable() for image in images)
