"""PostgreSQL roles: each part does its work with its own rights, and nothing else."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.support.results import work
from tests.support.rows import create_job, new_images, worker_record
from worker.audit import Action, AuditEvent
from worker.files.image_files import ImageFiles
from worker.files.retention import retire
from worker.patient_data import Profile
from worker.records.clinics import Retention
from worker.records.images import ImageStatus
from worker.store import Store
from worker.store.grants import SWEEPER, WEB, WORKER, grant, rights
from worker.store.migrations import check_up_to_date, migrate


@pytest.fixture
def parts(postgres_url, postgres_server):
    """The stores of the owner, the web server, a worker and the sweeper."""
    for role in (WEB, WORKER, SWEEPER):
        postgres_server.run(f"CREATE ROLE {role} LOGIN")
    owner = Store(postgres_url)
    migrate(owner.database)
    assert grant(owner.database) == sorted([WEB, WORKER, SWEEPER])
    stores = [owner]
    for role in (WEB, WORKER, SWEEPER):
        address = owner.database.url.set(username=role)
        stores.append(Store(address.render_as_string(hide_password=False)))
    yield stores
    for store in stores[1:]:
        store.close()
    with owner.database.engine.begin() as connection:
        for role in (WEB, WORKER, SWEEPER):
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
    owner.close()


def test_a_job_goes_through_all_parts(parts, tmp_path):
    owner, web, worker, sweeper = parts
    clinic = owner.ensure_clinic("north", "a token of the north")
    job = create_job(web, clinic.id, "job", new_images(3))
    check_up_to_date(web.database)
    check_up_to_date(worker.database)
    worker.register_worker(worker_record("this"))
    work(worker, 3)
    sweeper.take_back_expired(3)
    sweeper.abandon_silent(60)
    sweeper.close_idle_jobs(60)
    sweeper.forget_silent_workers(60)
    assert [image.status for image in web.all_images(clinic.id, job.id)] == [ImageStatus.DONE] * 3
    web.audit([AuditEvent(Action.DELETED, clinic.id, job_id=job.id)])
    web.delete_job(clinic.id, job.id)
    web.set_profile(clinic.id, Profile.RESEARCH)
    assert worker.data_keys([clinic.id])[clinic.id].profile is Profile.RESEARCH
    (deleted,) = sweeper.deleted_jobs()
    assert sweeper.remove_images(deleted.id, 10, lambda keys: None) == 3
    sweeper.remove_job(deleted.id)
    kept = create_job(web, clinic.id, "kept for no time", new_images(1))
    work(worker, 1)
    web.set_retention(clinic.id, Retention(files=0, maps=0, jobs=0))
    assert retire(sweeper, ImageFiles(tmp_path)) == 1
    assert [deleted.id for deleted in sweeper.deleted_jobs()] == [kept.id]
    assert web.check_audit().entries == 2


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (WORKER, "SELECT * FROM tokens"),
        (WORKER, "SELECT * FROM people"),
        (WORKER, "SELECT * FROM sessions"),
        (WORKER, "SELECT * FROM audit"),
        (WORKER, "INSERT INTO clinics (name, created_at) VALUES ('x', now())"),
        (WORKER, "DROP TABLE images"),
        (WORKER, "SELECT * FROM reviews"),
        (WORKER, "SELECT * FROM original_names"),
        (WEB, "SELECT * FROM clinic_keys"),
        (WEB, "UPDATE clinic_keys SET key = ''"),
        (SWEEPER, "SELECT * FROM clinic_keys"),
        (SWEEPER, "SELECT name FROM original_names"),
        (SWEEPER, "UPDATE reviews SET comment = ''"),
        (SWEEPER, "SELECT * FROM tokens"),
        (SWEEPER, "DELETE FROM audit"),
        (WEB, "UPDATE audit SET who = 'x'"),
        (WEB, "DELETE FROM audit"),
        (WEB, "DROP TABLE audit"),
        (WEB, "ALTER TABLE audit DISABLE TRIGGER USER"),
        (WEB, "UPDATE alembic_version SET version_num = '0001'"),
        (WEB, "CREATE TABLE x (id int)"),
    ],
)
def test_no_part_may_do_more(parts, role, statement):
    store = parts[1 + [WEB, WORKER, SWEEPER].index(role)]
    refusal = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
    with refusal, store.database.engine.begin() as connection:
        connection.execute(text(statement))


def test_every_table_is_decided_on(parts):
    with parts[0].database.engine.begin() as connection:
        found = connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
    assert set(rights()[WEB]) == set(found)
