import json
import re
from dataclasses import replace

import pytest

from tests.support.access import sign_in
from tests.support.results import done, failed, rejected, work
from tests.support.rows import create_job, new_images
from web.api.inputs.images import PAGE_IMAGES
from web.pages.frame.assets import FOLDER
from web.pages.frame.words import file_size
from worker.access import Scope
from worker.store import DEFAULT_CLINIC

DISCLAIMER = "Research and triage support, not a diagnosis."


@pytest.mark.parametrize("path", ["/", "/jobs/1", "/images/1", "/nothing-here"])
def test_pages_need_a_session(visitor, path):
    answer = visitor.get(path)
    assert answer.status_code == (404 if path == "/nothing-here" else 302)


def test_the_first_page_knows_the_limits(reader, settings):
    page = reader.get("/").text
    assert f'data-max-bytes="{settings.max_upload_mb}000000"' in page
    assert f'data-max-images="{settings.max_job_images}"' in page


def test_a_job_page(reader, upload):
    upload({"a.png": b"x"}, name="<Monday> & more")
    page = reader.get("/jobs/1").text
    assert "&lt;Monday&gt; &amp; more" in page
    assert "/api/v1/jobs/1/results.csv" in page
    assert DISCLAIMER in page


def test_the_page_of_a_classified_image(reader, upload, store, png):
    upload({"a.png": png})
    work(store, 1)
    page = reader.get("/images/1").text
    for expected in ("Pneumonia", "81.9 %", "vgg_attention-1.0.0", "21.4 ms", DISCLAIMER):
        assert expected in page
    assert 'value="attention" data-src="/api/v1/images/1/maps/attention.json"' in page
    assert "not where a finding is" in page


def test_a_job_page_has_its_numbers_before_its_script_runs(reader, upload, store):
    upload({"a.png": b"x", "b.png": b"y"})
    work(store, 1)
    page = reader.get("/jobs/1").text
    assert "1 of 2 (50 %)" in page
    assert '<b data-count="waiting">1</b>' in page
    assert 'class="chip failed idle"' in page


def test_a_job_page_brings_the_rows_that_its_script_would_ask_for(reader, client, upload, store):
    upload({"<a>.png": b"x", "b.png": b"y"})
    work(store, 2)

    def first(address: str) -> dict:
        page = reader.get(address).text
        (found,) = re.findall(r'<script type="application/json" id="first">(.*?)</script>', page)
        return json.loads(found)

    for query in ("", "label=COVID19", "status=done&search=a"):
        brought = first(f"/jobs/1?{query}")
        listed = client.get(f"/api/v1/jobs/1/images?sort=suspicion&{query}").json
        assert brought["items"] == listed["items"]
        assert brought["tally"] == client.get(f"/api/v1/jobs/1/tally?{query}").json
        assert brought["job"] == client.get("/api/v1/jobs/1").json
    assert first("/images")["items"] == client.get("/api/v1/images?sort=suspicion").json["items"]
    assert 'id="first"' not in reader.get("/jobs/1?limit=1").text
    script = (FOLDER / "virtual.js").read_text()
    assert f"const PER_BLOCK = {PAGE_IMAGES};" in script


def test_a_whole_job_is_counted_as_its_images_are(client, upload, store):
    upload({f"{name}.png": b"x" for name in "abcde"})
    work(store, 2)
    work(store, 1, rejected)
    work(store, 1, failed)
    whole = client.get("/api/v1/jobs/1/tally").json
    assert whole == client.get("/api/v1/jobs/1/tally?search=.png").json
    assert whole["statuses"] == {"waiting": 1, "done": 2, "rejected": 1, "failed": 1}


def test_an_uncertain_result_says_so(reader, upload, store, png):
    upload({"a.png": png, "b.png": png})
    work(store, 2)
    assert 'class="uncertain"' not in reader.get("/images/1").text
    page = reader.get("/images/2").text
    assert 'class="uncertain"' in page
    assert "Low confidence: review manually." in page
    assert "Low confidence: review manually." in page
    assert "unlike those that the model was trained on" in page


def test_the_call_of_a_triage(reader, upload, store, png):
    upload({"a.png": png, "b.png": png, "c.png": png})
    work(store, 3)
    assert "Triage: flagged" in (page := reader.get("/images/1").text)
    assert "Probability of any finding 88.2 %, flagged from 35.0 %." in page
    assert "Triage: not flagged" in reader.get("/images/3").text


def test_the_page_of_an_image_that_waits(reader, upload):
    upload({"a.png": b"x"})
    page = reader.get("/images/1").text
    assert "Waiting" in page
    assert 'data-final="false"' in page
    assert "attention.png" not in page


def test_pages_of_images_without_a_result_say_why(reader, upload, store):
    upload({"a.png": b"x", "b.png": b"y", "empty.png": b""})
    work(store, 1, rejected)
    work(store, 1, failed)
    assert "does not look like a frontal chest X-ray" in reader.get("/images/1").text
    assert "stopped 3 times" in reader.get("/images/2").text
    empty = reader.get("/images/3").text
    assert "The file is empty." in empty
    assert "was not kept" in empty
    assert "preview.png" not in empty


def test_one_walks_through_a_job(reader, upload):
    upload({"a.png": b"x", "b.png": b"y", "c.png": b"z"})
    middle = reader.get("/images/2").text
    assert 'id="previous" href="/images/1"' in middle
    assert 'id="next" href="/images/3"' in middle
    assert 'id="previous" href' not in reader.get("/images/1").text
    assert 'id="next" href' not in reader.get("/images/3").text


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (123_456, "123 kB"), (7_200_356, "7.2 MB")],
)
def test_file_sizes_read_well(size, shown):
    assert file_size(size) == shown


def test_previous_and_next_go_through_what_the_job_page_showed(reader, upload, store):
    upload({f"{n}.png": b"x" for n in range(4)})
    work(store, 1)
    work(store, 1, rejected)
    work(store, 2)
    page = reader.get("/images/3?status=done").text
    assert 'id="previous" href="/images/1?status=done"' in page
    assert 'id="next" href="/images/4?status=done"' in page
    assert 'href="/jobs/1?status=done#image-3" id="up"' in page
    assert "2 of 3" in page
    assert "1 of 4" in reader.get("/images/1?job=1").text
    nonsense = reader.get("/images/3?status=nonsense")
    assert nonsense.status_code == 422
    assert "waiting" in nonsense.text


def test_previous_and_next_go_across_jobs_when_the_list_did(reader, upload, store):
    upload({"a.png": b"x"})
    upload({"b.png": b"x"})
    page = reader.get("/images/1?job=all&sort=newest").text
    assert "2 of 2" in page
    assert 'id="previous" href="/images/2?sort=newest&amp;job=all"' in page
    assert '<a href="/images?sort=newest#image-1" id="up">Images</a>' in page
    assert re.search(r'<a class="long" href="/jobs/1" .*?>', page)


def test_other_films_of_the_patient_are_offered_and_found(reader, upload, store, png):
    """Images 1 and 3 are of one patient; 4 is of the same number in another clinic."""
    upload({"a.png": png, "b.png": png, "c.png": png})
    patients = iter(["P-7", "P-8", "P-7", "P-7"])
    days = iter(["2025-01-02", "2025-02-03", "2026-03-04", "2026-04-05"])

    def of_patient(claim):
        facts = {"taken_on": next(days)}
        return replace(done(claim), patient=next(patients), accession="A-1", facts=facts)

    work(store, 3, of_patient)
    other = store.ensure_clinic("another", "a token of another clinic")
    create_job(store, other.id, "job", new_images(1))
    work(store, 1, of_patient)

    page = reader.get("/images/3").text
    assert "Other films of this patient" in page
    assert page.count("data-prior=") == 1
    assert 'data-prior="1" data-text="2 Jan 2025' in page
    assert 'href="/images?search=P-7"' in page
    assert "Other films" not in reader.get("/images/2").text

    def found(search: str) -> list[int]:
        items = reader.get(f"/api/v1/images?search={search}").json["items"]
        return [image["id"] for image in items]

    assert (found("P-7"), found("P-"), found("A-1")) == ([1, 3], [], [1, 2, 3])


def test_a_reader_without_other_permissions_is_offered_no_more(app, upload, store, png):
    upload({"a.png": png})
    work(store, 1)
    token = store.create_token(DEFAULT_CLINIC, [Scope.READ], "reads")[1]
    browser = app.test_client()
    assert sign_in(browser, token).status_code == 303
    for path in ("/", "/images", "/jobs/1", "/images/1"):
        page = browser.get(path).text
        assert 'data-may="read"' in page, path
        assert 'id="drop"' not in page, path
        assert ">People<" not in page, path
    assert "cannot review them" in browser.get("/images/1").text
    # The style sheet hides what needs more; the server refuses it.
    assert 'id="delete" data-needs="delete"' in browser.get("/jobs/1").text
