"""What a clinic keeps: set by its admin, written down, and shown on the image."""

from dataclasses import replace

import PIL.Image
import pytest
from flask.testing import FlaskClient

from tests.support.pictures import encoded
from tests.support.results import done, work
from worker.access import Scope
from worker.audit import Action
from worker.files.retention import retire
from worker.patient_data import Changes, PatientDataRule, Profile
from worker.records.clinics import Retention

ORIGIN = {"Origin": "http://localhost"}


@pytest.fixture
def program(app, store):
    """A program of the first clinic with these scopes."""

    def make(*scopes: Scope):
        _, secret = store.create_token("default", scopes)
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        return client

    return make


def sent(browser: FlaskClient, path: str, **form: str) -> str:
    """Send a form of the settings. Returns: the page that it leads to."""
    answer = browser.post(f"/settings/{path}", data=form, headers=ORIGIN, follow_redirects=True)
    assert [one.status_code for one in answer.history] == [303]
    return answer.text


def test_an_admin_sets_the_profile_and_it_is_written_down(reader, store, clinic):
    assert store.patient_data_rule(clinic.id) == PatientDataRule(Profile.CLINICAL)
    page = sent(reader, "patient-data", profile="research")
    assert "The profile is set." in page
    assert 'value="research" checked' in reader.get("/settings").text
    assert store.patient_data_rule(clinic.id) == PatientDataRule(Profile.RESEARCH, True)
    event = list(store.audit_entries())[-1].event
    assert event.action is Action.SETTINGS_CHANGED
    assert event.detail["patient_data"] == "research"
    refused = reader.post("/settings/patient-data", data={"profile": "none"}, headers=ORIGIN)
    assert refused.status_code == 422
    assert store.patient_data_rule(clinic.id).profile is Profile.RESEARCH


def test_a_clinic_with_pseudonyms_may_hide_text_too(reader, store, clinic):
    def rule_after(**form: str) -> tuple[PatientDataRule, bool]:
        page = sent(reader, "patient-data", **form)
        checked = 'name="hide_text" value="yes" checked' in page
        return store.patient_data_rule(clinic.id), checked

    assert rule_after(profile="pseudonym") == (PatientDataRule(Profile.PSEUDONYM), False)
    assert rule_after(profile="pseudonym", hide_text="yes") == (
        *(PatientDataRule(Profile.PSEUDONYM, hides_text=True), True),
    )
    assert list(store.audit_entries())[-1].event.detail["hides_text"] == "yes"
    assert rule_after(profile="clinical", hide_text="yes") == (PatientDataRule(), False)


def test_an_admin_sets_how_long_things_are_kept(reader, store, clinic):
    times = {"keep_files": "0", "keep_pictures": "30", "keep_maps": "", "keep_jobs": "365"}
    page = sent(reader, "retention", **times)
    assert "What is kept, and for how long, is set." in page
    (found,) = store.retention(clinic.id)
    assert found.keeps == Retention(files=0, pictures=30, jobs=365)
    assert list(store.audit_entries())[-1].event.detail["keep_maps_days"] == "all"
    for wrong in ({"keep_pictures": "3", "keep_files": "7"}, {"keep_jobs": "-1"}):
        refused = reader.post("/settings/retention", data=wrong, headers=ORIGIN)
        assert refused.status_code == 422
    assert store.retention(clinic.id) == [found]


def test_an_admin_holds_and_releases_a_job(reader, client, upload, png):
    upload({"a.png": png})
    assert "Job 1 is held." in sent(reader, "holds", job_id="1")
    assert client.delete("/api/v1/jobs/1").status_code == 409
    assert "Job 1 is released." in sent(reader, "holds/1/release")
    assert client.delete("/api/v1/jobs/1").status_code == 204
    assert reader.post("/settings/holds", data={"job_id": "1"}, headers=ORIGIN).status_code == 404
    assert reader.post("/settings/holds", data={"job_id": "x"}, headers=ORIGIN).status_code == 422


def test_a_small_picture_may_outlive_its_file(client, upload, store, clinic, files, png):
    upload({"a.png": png})
    work(store, 1)
    key = next(store.all_images(clinic.id, 1)).file_key
    files.small_picture(key).write_bytes(encoded(PIL.Image.new("L", (40, 30)), "JPEG"))
    store.set_retention(clinic.id, Retention(files=0, pictures=9))
    retire(store, files)
    assert client.get("/api/v1/images/1/preview.png?max_side=2048").status_code == 200
    assert client.get("/api/v1/images/1/attention.png").status_code == 200
    assert client.get("/api/v1/images/1/film.png").status_code == 404
    store.set_retention(clinic.id, Retention(files=0, pictures=0))
    retire(store, files)
    assert client.get("/api/v1/images/1/preview.png").status_code == 404


def test_only_admins_see_the_original_names(reader, upload, store, clinic, png, program):
    store.set_profile(clinic.id, Profile.RESEARCH)
    upload({"Doe^John 1961.png": png})
    image = program(Scope.READ).get("/api/v1/images/1").json
    assert image["filename"] == "image-0001.png"
    assert "Doe" not in program(Scope.READ).get("/api/v1/jobs/1/results.json").text
    assert program(Scope.READ).get("/api/v1/images/1/original-name").status_code == 403
    asked = program(Scope.ADMIN).get("/api/v1/images/1/original-name")
    assert asked.json == {"image_id": 1, "original_name": "Doe^John 1961.png"}
    assert "Doe^John 1961.png" in reader.get("/images/1").text
    assert not any("Doe" in str(entry) for entry in store.audit_entries())


def test_an_image_says_what_its_file_has_lost(reader, client, upload, store, png):
    upload({"a.png": png, "b.png": png})
    changes = Changes(Profile.RESEARCH, ("PatientAge",), ("PatientID",), ("StudyDate",), 4)
    work(store, 1, lambda claim: replace(done(claim), deidentified=changes.as_json()))
    work(store, 1)
    assert client.get("/api/v1/images/1").json["deidentified"] == changes.as_json()
    assert client.get("/api/v1/images/2").json["deidentified"] is None
    assert client.get("/api/v1/images/2/original-name").status_code == 404
    assert "What was removed from the file" in (page := reader.get("/images/1").text)
    assert "PatientAge" in page
    assert "What was removed" not in reader.get("/images/2").text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"burned_in_text": True, "text_boxes": [], "text_hidden": True}, "yes"),
        ({"burned_in_text": False, "text_boxes": [], "text_hidden": True}, "no"),
        ({"burned_in_text": False, "text_boxes": [[0, 0, 0.5, 0.1]]}, "likely"),
        ({"text_boxes": [], "text_hidden": False}, "unlikely"),
        ({"view": "PA"}, "unknown"),
    ],
)
def test_the_api_and_the_page_tell_of_burned_in_text(
    reader, client, upload, store, png, said, shown
):
    upload({"a.png": png})
    work(store, 1, lambda claim: replace(done(claim), facts=said))
    assert client.get("/api/v1/images/1").json["facts"]["burned_in_text"] == shown
    assert f"<dt>Burned-in text</dt><dd>{shown}</dd>" in reader.get("/images/1").text


def test_the_page_says_that_text_is_hidden_in_pictures(reader, client, upload, store, png):
    upload({"a.png": png})
    facts = {"text_boxes": [[0.01, 0.02, 0.4, 0.1]], "text_hidden": True}
    work(store, 1, lambda claim: replace(done(claim), facts=facts))
    found = client.get("/api/v1/images/1").json["facts"]
    assert (found["text_boxes"], found["text_hidden"]) == (facts["text_boxes"], True)
    assert "<dd>likely, hidden in pictures</dd>" in reader.get("/images/1").text
