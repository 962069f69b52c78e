"""The store's own queries, explained by the database: each must use an index, at any table size."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, text

from tests.support.results import work
from tests.support.rows import create_job, new_images
from worker.audit import Action, Part
from worker.records.images import ImageFilter, ImageStatus, Sort, SortKind
from worker.store import Store

DAY = datetime(2026, 11, 26, tzinfo=UTC)
BY_RANK = {SortKind.SUSPICION: "_and_rank"}


def plans_of(store: Store, call: Callable[[], object]) -> list[str]:
    """The plan of every SELECT that `call` runs on images, on jobs for the sake of these, and on
    the audit trail."""
    queries = []

    def record(connection, cursor, statement, parameters, context, many) -> None:
        looked_at = ("FROM images", "waiting > 0", "FROM audit")
        if statement.startswith("SELECT") and any(one in statement for one in looked_at):
            queries.append((statement, parameters))

    engines = {store.database.engine, store.database._noter, store.database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", record)
    try:
        call()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", record)
    postgresql = store.database.engine.dialect.name == "postgresql"
    explain = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
    plans = []
    with store.database.reading() as session:
        connection = session.connection()
        if postgresql:
            # A tiny table is cheapest read whole: ask what happens when that costs too much.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
        for statement, parameters in queries:
            lines = connection.exec_driver_sql(explain + statement, parameters)
            plans.append("\n".join(str(line) for line in lines))
    return plans


@pytest.mark.parametrize(
    ("verb", "indexes"),
    [
        (lambda store, job: store.claim(8, 60), {"jobs_to_claim", "images_of_job_by_status"}),
        (lambda store, job: store.waiting(10), {"jobs_to_claim"}),
        (lambda store, job: store.take_back_expired(3), {"images_leased"}),
        (
            lambda store, job: store.images(job.clinic_id, job.id, cursor="NQ", limit=9),
            {"images_of_job"},
        ),
        (
            lambda store, job: store.images(
                job.clinic_id, job.id, ImageFilter(statuses=(ImageStatus.FAILED,))
            ),
            {"images_of_job_by_status"},
        ),
        (
            lambda store, job: store.images(job.clinic_id, job.id, ImageFilter(labels=("NORMAL",))),
            {"results_of_job_by_label"},
        ),
        (
            lambda store, job: store.images(
                job.clinic_id, job.id, sort=Sort(SortKind.SUSPICION), cursor="NC4wLDU"
            ),
            {"images_of_job_by_rank"},
        ),
        (
            lambda store, job: store.images(
                job.clinic_id, None, sort=Sort(SortKind.SUSPICION), cursor="NC4wLDU"
            ),
            {"images_of_clinic_by_rank"},
        ),
        (
            lambda store, job: store.images(
                job.clinic_id, None, sort=Sort(SortKind.NEWEST), cursor="NQ"
            ),
            {"images_of_clinic"},
        ),
        (
            lambda store, job: store.images(job.clinic_id, None, sort=Sort(SortKind.NAME)),
            {"images_of_clinic_by_name"},
        ),
        (
            lambda store, job: store.audit_page(Part.ALL, since=DAY, until=DAY, before_id=9),
            {"audit_by_time"},
        ),
        (
            lambda store, job: store.audit_page(Part.ALL, action=Action.REFUSED, before_id=9),
            {"audit_of_action_by_time"},
        ),
        (
            lambda store, job: store.audit_page(job.clinic_id, until=DAY, before_id=9),
            {"audit_of_clinic_by_time"},
        ),
    ],
    ids=[
        *("claim", "waiting", "expired", "page", "page by status", "page by label"),
        *("page by suspicion", "clinic by suspicion", "clinic, newest", "clinic by name"),
        *("audit by day", "audit by action", "audit of a clinic"),
    ],
)
def test_a_query_that_must_stay_fast_uses_its_index(db, verb, indexes):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(20))
    plans = plans_of(store, lambda: verb(store, job))
    assert plans
    for plan in plans:
        assert any(index in plan for index in indexes), plan
        assert "Seq Scan on images" not in plan
        assert "Seq Scan on jobs" not in plan
        assert "Seq Scan on audit" not in plan
        # Clinics are few, and sorted by turn.
        assert "TEMP B-TREE" not in plan or "SCAN clinics" in plan


@pytest.mark.parametrize("part", ["777.png", "77"])
def test_a_search_reads_names_from_an_index(db, part):
    """And then only the rows that it finds, in whatever order."""
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(20))
    with store.database.writing() as session:
        values = {"clinic": clinic.id, "job": job.id, "now": datetime.now(UTC)}
        session.execute(text(MANY_IMAGES), values)
        session.execute(text("ANALYZE"))
    wanted = ImageFilter(search=part)
    *_, find, page = plans_of(
        store, lambda: store.images(clinic.id, None, wanted, Sort(SortKind.SUSPICION))
    )
    used = set(re.findall(r"images_of_\w+", find))
    assert {"images_of_patient", "images_of_accession"} <= used, find
    if store.database.engine.dialect.name == "sqlite":
        # PostgreSQL reads the rows, with several processes, where they are not many more.
        by_name = "COVERING INDEX images_of_clinic_by_name"
        assert (by_name in find) == (len(part) < 3), find
        assert ("VIRTUAL TABLE INDEX" in find) == (len(part) >= 3), find
    assert "images_of_clinic_by_rank" not in page
    for plan in (find, page):
        assert "SCAN images" not in plan
        assert "Seq Scan on images" not in plan


# Most are done, one of a hundred failed, one of a thousand has the label RARE.
MANY_IMAGES = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
INSERT INTO images (id, clinic_id, job_id, filename, size_bytes, status, label, uncertain,
    reading_rank, attempts, created_at)
SELECT n + 100, :clinic, :job, n || '.png', 1, CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'done' END,
    CASE WHEN n % 100 = 0 THEN '' WHEN n % 1000 = 1 THEN 'RARE' ELSE 'NORMAL' END,
    false, (n * 7919 % 20000) / 10000.0, 1, :now
FROM numbers
"""


def test_filters_over_a_clinic_are_merged_from_facets(db):
    store, clinic = db
    job = create_job(store, clinic.id, "job", new_images(20))
    work(store, 20)
    with store.database.writing() as session:
        values = {"clinic": clinic.id, "job": job.id, "now": datetime.now(UTC)}
        session.execute(text(MANY_IMAGES), values)
    if store.database.engine.dialect.name == "postgresql":
        with store.database.writing() as session:
            session.execute(text("ANALYZE"))  # as the server does by itself
    for wanted in (
        ImageFilter(statuses=(ImageStatus.FAILED,)),
        ImageFilter(statuses=(ImageStatus.FAILED, ImageStatus.DONE)),
        ImageFilter(labels=("COVID19",)),
        ImageFilter(labels=("PNEUMONIA", "COVID19"), uncertain=True),
        ImageFilter(uncertain=True),
    ):
        for kind in (SortKind.FILE, SortKind.NEWEST, SortKind.SUSPICION):
            plans = plans_of(
                store, lambda w=wanted, k=kind: store.images(clinic.id, None, w, Sort(k))
            )
            assert plans
            for plan in plans:
                used = set(re.findall(r"images_of_\w+", plan))
                facet = f"images_of_clinic_by_facet{BY_RANK.get(kind, '')}"
                # PostgreSQL knows when most images are of one facet, and takes these in order.
                assert facet in used, plan
                assert used <= {facet, "images_of_clinic", "images_of_clinic_by_rank"}, plan
                assert "SCAN images" not in plan
                assert "Seq Scan on images" not in plan
