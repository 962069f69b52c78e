"""Nothing that a reader can ask for tells what the model said about a blind job's images before
they have answered: two clinics' systems that differ in the model's answers alone look the same."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import unified_diff

import pytest
from flask.testing import FlaskClient

from tests.support.access import SECRET_KEY, TOKEN, sign_in
from tests.support.databases import migrated_store
from tests.support.results import done, rejected, work
from web.app import create_app
from worker.access import Scope
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC, Store

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
FILTERS = (
    *("", "sort=suspicion", "sort=newest", "sort=name", "uncertain=true", "uncertain=false"),
    *("label=COVID19", "label=NORMAL", "label=PNEUMONIA&sort=suspicion", "label=COVID19,NORMAL"),
    *("probability_of=NORMAL&max_probability=0.5", "review=disagreement", "review=unread"),
    *("status=done&sort=suspicion", "search=.png&sort=suspicion"),
)
OF_A_JOB = ("sort=probability:COVID19", "sort=probability:NORMAL&status=done")
LISTS = ("images", "tally", "results.csv", "results.json")
OF_CLINIC = ("images", "images/tally", "results.csv")
PATHS = (
    *(f"/api/v1/jobs/1/{name}?{asked}" for name in LISTS for asked in (*FILTERS, *OF_A_JOB)),
    *(f"/api/v1/{name}?{asked}" for name in OF_CLINIC for asked in FILTERS),
    *(f"/jobs/1/distribution?{asked}" for asked in (*FILTERS, *OF_A_JOB)),
    *(f"/{page}?{asked}" for page in ("jobs/1", "images") for asked in FILTERS[:5]),
    *(f"/api/v1/images/{n}/place?{a}" for n in (1, 3) for a in ("sort=suspicion", "label=NORMAL")),
    *(f"/api/v1/images/1/place?job=all&{asked}" for asked in FILTERS),
    *(f"/images/{n}?{a}" for n in (1, 2, 3, 4) for a in ("", "sort=suspicion", "job=all")),
    *("/api/v1/images/1", "/api/v1/images/1/maps", "/api/v1/images/1/attention.json"),
    *("/", "/model", "/api/v1/jobs", "/api/v1/jobs/1"),
    *("/api/v1/jobs/1/reviews", "/api/v1/jobs/1/reviews/progress", "/api/v1/images/1/reviews"),
)


class System:
    """A system with six images in one blind job; `shift` moves the model's answers along them."""

    def __init__(self, home, shift: int) -> None:
        settings = Settings(
            home=home, redis_url="redis://127.0.0.1:1/0", token=TOKEN, secret_key=SECRET_KEY
        )
        self.store: Store = migrated_store(settings.database_url)
        self.store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
        self.app = create_app(settings)
        self.program = self.app.test_client()
        self.program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        files = [(io.BytesIO(name.encode()), f"{name}.png") for name in "abcdef"]
        self.program.post("/api/v1/jobs", data={"files": files})

        def shifted(claim):
            return replace(done(replace(claim, image_id=claim.image_id + shift)), claim=claim)

        work(self.store, 5, shifted)
        work(self.store, 1, rejected)
        self.program.put("/api/v1/jobs/1/blind", json={"blind": True})
        self.reader, self.other = self._browser("Dr. Reader"), self._browser("Dr. Other")

    def _browser(self, name: str) -> FlaskClient:
        token = self.store.create_token(DEFAULT_CLINIC, [Scope.READ, Scope.REVIEW], name)[1]
        browser = self.app.test_client()
        assert sign_in(browser, token).status_code == 303
        return browser

    def review(self, browser: FlaskClient, image_id: int, label: str) -> None:
        path = f"/api/v1/images/{image_id}/review"
        said = {"verdict": "other_label", "label": label}
        assert browser.put(path, json=said, headers=SAME_SITE).status_code == 200

    def looks(self, path: str) -> tuple[int, str]:
        """The answer without what differs by chance: times, tokens of forms."""
        answer = self.reader.get(path)
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:[\d.]+)?(\+00:00|Z)?", "TIME", answer.text)
        return answer.status_code, re.sub(r'"images_per_second": ?[\d.]+', "", text)


@pytest.fixture(scope="module")
def systems(tmp_path_factory) -> Iterator[list[System]]:
    """Whose models say different things of the same files; in each, another reader has answered."""
    systems = [System(tmp_path_factory.mktemp("blind") / "home", shift) for shift in (0, 1)]
    for system in systems:
        system.review(system.other, 1, "COVID19")
        system.review(system.other, 2, "NORMAL")
    yield systems
    for system in systems:
        system.app.extensions["cxr"].painter.close()
        system.store.close()


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_what_the_model_said_changes_nothing_that_a_reader_sees(systems, path):
    (code, one), (other_code, other) = (system.looks(path) for system in systems)
    assert code == other_code
    assert list(unified_diff(one.splitlines(), other.splitlines(), n=0)) == []


def test_a_program_sees_the_difference_in_all_of_it(systems):
    """So the test above compares what does depend on the model's answers."""
    for path in (
        *("/api/v1/jobs/1", "/api/v1/jobs/1/tally", "/api/v1/images/1", "/api/v1/images/tally"),
        *("/api/v1/jobs/1/images?sort=suspicion", "/api/v1/images?label=COVID19"),
        *("/api/v1/jobs/1/results.csv", "/api/v1/jobs/1/reviews/progress"),
    ):
        one, other = (system.program.get(path).text for system in systems)
        assert one != other, path


def test_what_a_reader_has_answered_is_listed_and_counted(tmp_path):
    system = System(tmp_path / "home", 0)
    reader = system.reader

    def ids(query: str) -> list[int]:
        return [image["id"] for image in reader.get(f"/api/v1/{query}").json["items"]]

    assert ids("jobs/1/images?sort=suspicion") == [1, 2, 3, 4, 5, 6]
    assert ids("jobs/1/images?label=PNEUMONIA") == ids("images?sort=suspicion") == []
    assert ids("images?sort=file") == [1, 2, 3, 4, 5, 6]
    unseen = reader.get("/api/v1/images/1")
    assert unseen.json["result"] is None
    system.review(reader, 1, "PNEUMONIA")  # image 5 is PNEUMONIA, too
    seen = reader.get("/api/v1/images/1", headers={"If-None-Match": unseen.headers["ETag"]})
    assert (seen.status_code, seen.json["result"]["label"]) == (200, "PNEUMONIA")
    assert ids("jobs/1/images?label=PNEUMONIA") == ids("images?label=PNEUMONIA") == [1]
    assert ids("images?sort=suspicion") == [1]
    assert reader.get("/api/v1/images/tally?sort=suspicion").json["total"] == 1
    tally = reader.get("/api/v1/jobs/1/tally").json
    assert (tally["total"], tally["statuses"]["done"]) == (6, 5)
    assert (tally["labels"], tally["uncertain"]) == ({"PNEUMONIA": 1}, 0)
    counts = {one["label"]: one["count"] for one in reader.get("/api/v1/jobs/1").json["labels"]}
    assert counts == {"COVID19": 0, "NORMAL": 0, "PNEUMONIA": 1}
    assert 'id="blind-note"' in reader.get("/jobs/1").text
    assert 'id="blind-left-out"' in reader.get("/images").text
    everything = system.program.get("/api/v1/images?label=PNEUMONIA").json["items"]
    assert [image["id"] for image in everything] == [1, 5]
    system.app.extensions["cxr"].painter.close()
    system.store.close()
