"""The store's own queries, explained by the database: each must use an index, at any table size."""

from collections.abc import Callable

import pytest
from sqlalchemy import event

from tests.support.rows import new_images
from worker.records import ImageFilter, ImageStatus, Sort, SortKind
from worker.store import Store


def plans_of(store: Store, call: Callable[[], object]) -> list[str]:
    """The plan of every SELECT that `call` runs on images, and on jobs for the sake of these."""
    queries = []

    def record(connection, cursor, statement, parameters, context, many) -> None:
        asks_images = "FROM images" in statement or "waiting > 0" in statement
        if statement.startswith("SELECT") and asks_images:
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
    ],
    ids=[
        *("claim", "waiting", "expired", "page", "page by status", "page by label"),
        *("page by suspicion", "clinic by suspicion", "clinic, newest", "clinic by name"),
    ],
)
def test_a_query_that_must_stay_fast_uses_its_index(db, verb, indexes):
    store, clinic = db
    job = store.create_job(clinic.id, "job", new_images(20))
    plans = plans_of(store, lambda: verb(store, job))
    assert plans
    for plan in plans:
        assert any(index in plan for index in indexes), plan
        assert "Seq Scan on images" not in plan
        assert "Seq Scan on jobs" not in plan
        # Clinics are few, and sorted by turn.
        assert "TEMP B-TREE" not in plan or "SCAN clinics" in plan
