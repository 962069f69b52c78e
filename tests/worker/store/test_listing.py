"""Lists of images on SQLite and PostgreSQL: every order, paged and filtered, and places in them."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text, update

from tests.support.databases import migrated_store
from tests.support.rows import create_job, finished_image, new_images
from worker.errors import InvalidCursor, NotFound, SortTooWide, UnknownLabel
from worker.records.clinics import ClinicRecord
from worker.records.images import ImageFilter, ImageStatus, Sort, SortKind
from worker.records.jobs import JobRecord, NewImage
from worker.records.work import FinishedImage
from worker.store import Store
from worker.store.images import searching, selection
from worker.store.rows import encode_cursor
from worker.store.schema import Image

LABELS = ("COVID19", "NORMAL", "PNEUMONIA")
# By file: probabilities in the order of LABELS, and whether they are uncertain.
RESULTS = {
    "healthy.png": ((0.02, 0.95, 0.03), False),
    "covid.png": ((0.90, 0.04, 0.06), False),
    "doubt.png": ((0.45, 0.10, 0.45), True),
    "pneumonia.png": ((0.05, 0.15, 0.80), False),
    "maybe.png": ((0.20, 0.60, 0.20), True),
}
BY_SUSPICION = [
    *("covid.png", "pneumonia.png"),  # findings
    *("doubt.png", "maybe.png"),  # uncertain
    "healthy.png",
    *("waits.png", "also.png"),  # no result yet
]


@pytest.fixture(scope="module")
def listed(module_url):
    """A job of five results and two images that wait, and another clinic's; leave them alone.
    Gives: store, clinic, job."""
    store = migrated_store(module_url)
    clinic = store.ensure_clinic("clinic", "token")
    other = store.ensure_clinic("other", "another token")
    create_job(store, other.id, "theirs", new_images(2))
    names = [*RESULTS, "waits.png", "also.png"]
    job = create_job(store, clinic.id, "ours", [NewImage(name, f"00/{name}", 1) for name in names])
    by_id = {image.id: image.filename for image in store.images(clinic.id, job.id).items}
    claims = [claim for claim in store.claim(9, lease_s=60) if claim.image_id in by_id]
    finished = []
    for claim in claims:
        if by_id[claim.image_id] not in RESULTS:
            continue
        probabilities, uncertain = RESULTS[by_id[claim.image_id]]
        image = finished_image(claim)
        result = replace(
            image.result,
            label=LABELS[probabilities.index(max(probabilities))],
            probabilities=dict(zip(LABELS, probabilities, strict=True)),
            uncertain=uncertain,
        )
        finished.append(replace(image, result=result))
    store.save(finished)
    yield store, clinic, job
    store.close()


ANY = ImageFilter()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def names(listed, sort, wanted=ANY, across=False, limit=2):
    """All pages of a list, a few rows each."""
    store, clinic, job = listed
    found, cursor = [], None
    while True:
        page = store.images(
            clinic.id, None if across else job.id, wanted, sort, cursor=cursor, limit=limit
        )
        found += [image.filename for image in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


ORDERS = {
    "file": (Sort(), [*RESULTS, "waits.png", "also.png"]),
    "newest": (Sort(SortKind.NEWEST), [*RESULTS, "waits.png", "also.png"][::-1]),
    "name": (Sort(SortKind.NAME), sorted(BY_SUSPICION)),
    "suspicion": (Sort(SortKind.SUSPICION), BY_SUSPICION),
    "probability": (
        Sort(SortKind.PROBABILITY, "PNEUMONIA"),
        [
            *("pneumonia.png", "doubt.png", "maybe.png", "covid.png", "healthy.png"),
            *("waits.png", "also.png"),
        ],
    ),
}


EVERY_LIST = [
    pytest.param(sort, expected, across, id=f"{name}-{'clinic' if across else 'job'}")
    for name, (sort, expected) in ORDERS.items()
    for across in (False, True)
    if not (across and name == "probability")  # see below
]


@pytest.mark.parametrize(("sort", "expected", "across"), EVERY_LIST)
def test_every_order_in_pages_without_gaps(listed, sort, expected, across):
    assert names(listed, sort, across=across) == expected
    store, clinic, job = listed
    skipped = store.images(clinic.id, None if across else job.id, sort=sort, offset=3, limit=2)
    assert [image.filename for image in skipped.items] == expected[3:5]


@pytest.mark.parametrize("across", [False, True], ids=["job", "clinic"])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ImageFilter(statuses=(ImageStatus.DONE,)), BY_SUSPICION[:5]),
        (ImageFilter(statuses=(ImageStatus.RUNNING, ImageStatus.WAITING)), BY_SUSPICION[5:]),
        (ImageFilter(labels=("NORMAL",)), ["maybe.png", "healthy.png"]),
        (ImageFilter(labels=("COVID19", "PNEUMONIA"), uncertain=False), BY_SUSPICION[:2]),
        (ImageFilter(uncertain=True), ["doubt.png", "maybe.png"]),
        (
            ImageFilter(probability_of="NORMAL", min_probability=0.12, max_probability=0.7),
            ["pneumonia.png", "maybe.png"],
        ),
        (ImageFilter(search="MAYBE"), ["maybe.png"]),
        (ImageFilter(search="%"), []),
        (ImageFilter(uploaded_since=LONG_AGO), BY_SUSPICION),
        (ImageFilter(uploaded_until=LONG_AGO), []),
    ],
    ids=[
        "done",
        "to do",
        "label",
        "labels",
        "uncertain",
        "range",
        "search",
        "no wildcard",
        "since",
        "until",
    ],
)
def test_filters(listed, wanted, expected, across):
    sort = Sort(SortKind.SUSPICION)
    assert names(listed, sort, wanted, across) == expected
    store, clinic, job = listed
    tally = store.tally(clinic.id, None if across else job.id, wanted)
    assert tally.total == len(expected)


SEARCHES = [
    ImageFilter(search="A"),  # in most names
    ImageFilter(search="MAYBE"),
    ImageFilter(search="nowhere"),
    ImageFilter(search="e", statuses=(ImageStatus.DONE,)),
    ImageFilter(search="e", labels=("NORMAL",), uncertain=True),
]


def test_what_a_search_finds_is_counted_up_to_a_limit(listed, monkeypatch):
    store, clinic, job = listed
    monkeypatch.setattr(searching, "MAX_FOUND", 1)
    whole = store.tally(clinic.id, None, ImageFilter(search="png"))
    assert (whole.total_capped, whole.counts_capped) == (False, False)
    monkeypatch.setattr(selection, "MAX_COUNT_OF_SEARCH", 3)
    capped = store.tally(clinic.id, None, ImageFilter(search="png"))
    assert (capped.total, capped.total_capped, capped.counts_capped) == (3, True, True)
    assert sum(capped.statuses.values()) == 3
    rare = store.tally(clinic.id, None, ImageFilter(search="png", statuses=(ImageStatus.RUNNING,)))
    assert (rare.total, rare.total_capped) == (2, False)
    assert rare.counts_capped
    assert store.tally(clinic.id, job.id, ImageFilter(search="png")).total == whole.total == 7


@pytest.mark.slow
@pytest.mark.parametrize("wanted", SEARCHES, ids=["common", "rare", "none", "status", "label"])
def test_a_search_finds_the_same_in_every_order_whether_it_is_rare_or_common(
    listed, wanted, monkeypatch
):
    store, clinic, job = listed
    for (sort, _), max_found in itertools.product([*ORDERS.values()][:-1], (1, 10_000)):
        expected = names(listed, sort, wanted)
        assert expected or wanted.search == "nowhere"
        monkeypatch.setattr(searching, "MAX_FOUND", max_found)
        assert names(listed, sort, wanted, across=True) == expected
        assert store.tally(clinic.id, None, wanted) == store.tally(clinic.id, job.id, wanted)
        for number, name in enumerate(expected):
            image_id = store.images(clinic.id, job.id, ImageFilter(search=name)).items[0].id
            assert store.place(clinic.id, image_id, None, wanted, sort).position == number + 1


@pytest.mark.parametrize("search", ["Ärztin", "ärzTIN 1", "ÄRZTIN 1.PNG"])
def test_a_search_with_letters_that_are_not_ascii(db, search):
    """SQLite knows the case of the letters A to Z only."""
    store, clinic = db
    create_job(store, clinic.id, "job", [NewImage("Ärztin 1.png", "00/a", 1)])
    is_found = store.database.engine.dialect.name == "postgresql" or search.startswith("Ä")
    for part, found in ((search, is_found), (search.removeprefix(search[0]), True)):
        assert len(store.images(clinic.id, None, ImageFilter(search=part)).items) == found


# Of the first clinic's names.
COUNT_NAMES = {
    "postgresql": "SELECT count(*) FROM image_names WHERE clinic_id = 1",
    "sqlite": "SELECT count(*) FROM image_names "
    "WHERE image_names MATCH '\"dcm\"' AND rowid < 10000000000",
}
NO_INDEX = (
    *(f"DROP TRIGGER image_names_{what}" for what in ("added", "removed", "changed")),
    "DROP TABLE image_names",
)


ODD_NAMES = (
    "scan 17.dcm",
    'a "quoted" AND b*.dcm',
    "100%_x.dcm",
    "\uf000\ue000\ue002.dcm",
    "胸部正面像.dcm",
)


def test_a_search_finds_what_is_there_now_and_of_this_clinic_only(db):
    store, clinic = db
    ours = _search_finds_what_is_there_now(store, clinic)
    counting = text(COUNT_NAMES[store.database.engine.dialect.name])
    with store.database.reading() as session:
        assert session.scalar(counting) == len(ODD_NAMES)
    store.delete_job(clinic.id, ours.id)
    store.remove_images(ours.id, 9, lambda keys: None)
    with store.database.reading() as session:
        assert session.scalar(counting) == 0


def test_a_sqlite_without_the_index_finds_the_same(store, clinic):
    with store.database.writing() as session:
        for statement in NO_INDEX:
            session.execute(text(statement))
    _search_finds_what_is_there_now(store, clinic)


def _search_finds_what_is_there_now(store: Store, clinic: ClinicRecord) -> JobRecord:
    """Returns: a job of the clinic with ODD_NAMES."""
    other = store.ensure_clinic("other", "another token")
    theirs = create_job(store, other.id, "theirs", [NewImage("Scan 17.dcm", "00/a", 1)])
    ours = create_job(store, clinic.id, "ours", [NewImage(name, "00/b", 1) for name in ODD_NAMES])

    def found(clinic_id: int, part: str) -> list[str]:
        page = store.images(clinic_id, None, ImageFilter(search=part))
        return [image.filename for image in page.items]

    assert found(other.id, "SCAN 17") == ["Scan 17.dcm"]
    assert found(other.id, "quoted") == []
    for name in ODD_NAMES:
        for part in (name, name[1:-4], name[:4], name[-5:-1]):
            assert name in found(clinic.id, part), part
    assert found(clinic.id, "'") == found(clinic.id, '"" OR') == found(clinic.id, "scan_17") == []
    with store.database.writing() as session:
        renamed = update(Image).where(Image.job_id == theirs.id)
        session.execute(renamed.values(filename="new 18.dcm"))
    assert (found(other.id, "scan 17"), found(other.id, "new 18")) == ([], ["new 18.dcm"])
    return ours


@pytest.mark.parametrize(("sort", "expected", "across"), EVERY_LIST)
def test_places(listed, sort, expected, across):
    store, clinic, job = listed
    ids = {image.filename: image.id for image in store.images(clinic.id, job.id).items}
    for number, name in enumerate(expected):
        place = store.place(clinic.id, ids[name], None if across else job.id, sort=sort)
        assert (place.position, place.total) == (number + 1, len(expected))
        assert place.previous == (ids[expected[number - 1]] if number else None)
        assert place.following == (
            ids[expected[number + 1]] if number + 1 < len(expected) else None
        )


def test_an_image_outside_the_filter_has_no_place(listed):
    store, clinic, job = listed
    image = store.images(clinic.id, job.id).items[0]
    place = store.place(clinic.id, image.id, job.id, ImageFilter(labels=("COVID19",)))
    assert (place.position, place.total, place.previous, place.following) == (None, 2, None, None)


def test_tallies_and_histograms(listed):
    store, clinic, job = listed
    tally = store.tally(clinic.id, job.id)
    assert tally.labels == {"COVID19": 2, "NORMAL": 2, "PNEUMONIA": 1}
    assert tally.statuses == {ImageStatus.DONE: 5, ImageStatus.RUNNING: 2}
    assert tally.uncertain == 2
    histogram = store.histogram(clinic.id, job.id)
    assert histogram["COVID19"] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert histogram["PNEUMONIA"] == [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("across", [False, True], ids=["job", "clinic"])
def test_a_label_that_no_model_has(listed, across):
    store, clinic, job = listed
    asked = (
        {"wanted": ImageFilter(labels=("FRACTURE",))},
        {"wanted": ImageFilter(probability_of="FRACTURE")},
    )
    for question in asked:
        with pytest.raises(UnknownLabel, match="COVID19, NORMAL, PNEUMONIA"):
            store.images(clinic.id, None if across else job.id, **question)


def test_only_a_job_is_sorted_by_a_probability(listed):
    """Of a million images that would take seconds: no index holds every label's probability."""
    store, clinic, job = listed
    with pytest.raises(UnknownLabel, match="COVID19, NORMAL, PNEUMONIA"):
        store.images(clinic.id, job.id, sort=Sort(SortKind.PROBABILITY, "FRACTURE"))
    with pytest.raises(SortTooWide, match="newest"):
        store.images(clinic.id, None, sort=Sort(SortKind.PROBABILITY, "NORMAL"))


def test_a_cursor_of_another_order_is_refused(listed):
    store, clinic, job = listed
    cursor = store.images(clinic.id, job.id, limit=1).next_cursor
    with pytest.raises(InvalidCursor):
        store.images(clinic.id, job.id, sort=Sort(SortKind.SUSPICION), cursor=cursor)


def test_a_cursor_holds_no_file_name(listed):
    store, clinic, job = listed
    page = store.images(clinic.id, job.id, sort=Sort(SortKind.NAME), limit=1)
    assert len(page.next_cursor) < 20


def test_the_pace_of_a_job(db):
    store, clinic = db
    job = create_job(store, clinic.id, "paced", new_images(3))
    assert store.pace(clinic.id, job.id) is None
    for _ in range(2):
        store.save([finished_image(claim) for claim in store.claim(1, lease_s=60)])
    pace = store.pace(clinic.id, job.id)
    assert (pace.counts[0], sum(pace.counts), pace.counts[-1]) == (1, 2, 1)
    assert 0 < pace.seconds < 60
    with pytest.raises(NotFound):
        store.pace(clinic.id + 1, job.id)


def test_a_cursor_of_another_clinic_tells_nothing_of_its_names(listed):
    """Whose image it is that a cursor names: made by hand, it could be anybody's."""
    store, clinic, _ = listed
    theirs = next(store.all_images(store.clinic_named("other").id, None))
    made_up = encode_cursor(theirs.id)
    with pytest.raises(InvalidCursor):
        store.images(clinic.id, None, ANY, Sort(SortKind.NAME), cursor=made_up)


@pytest.mark.parametrize("number", [2**63, -(10**30)])
def test_a_cursor_that_no_database_can_hold_is_refused(listed, number):
    store, clinic, job = listed
    made_up = encode_cursor(number)
    for kind in (SortKind.FILE, SortKind.NEWEST, SortKind.NAME):
        with pytest.raises(InvalidCursor):
            store.images(clinic.id, job.id, ANY, Sort(kind), cursor=made_up)
    with pytest.raises(InvalidCursor):
        store.jobs(clinic.id, cursor=made_up)
    with pytest.raises(InvalidCursor):
        store.job_reviews(clinic.id, job.id, cursor=made_up)


def test_what_was_refused_or_failed_has_no_label(db):
    """In no list, count or record: neither of its own nor of a batch that it was in."""
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(3))
    done, refused, failed = store.claim(3, lease_s=60)
    images = [
        finished_image(done),
        FinishedImage(refused, ImageStatus.REJECTED, "lateral", "It looks lateral."),
        FinishedImage(failed, ImageStatus.FAILED, "internal_error", "It failed."),
    ]
    store.save(images)
    for job_id in (job.id, None):
        assert store.tally(clinic.id, job_id).labels == {"NORMAL": 1}
        for label in LABELS:
            found = store.images(clinic.id, job_id, ImageFilter(labels=(label,))).items
            assert [image.id for image in found] == [done.image_id] * (label == "NORMAL")
        found = store.images(clinic.id, job_id, ImageFilter(uncertain=False)).items
        assert [image.id for image in found] == [done.image_id]
        results = [bool(image.result) for image in store.images(clinic.id, job_id).items]
        assert results == [True, False, False]
