"""The queue and the database over TLS: whoever they are must prove it."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.support.access import TOKEN
from tests.support.fleet import sockets_of
from tests.support.tls import Front, make_certificates
from web.app import create_app
from worker.errors import SettingsError
from worker.queue.dispatch import Dispatcher
from worker.settings import Settings
from worker.store import Store
from worker.store.migrations import migrate


@pytest.fixture(scope="module")
def secrets(tmp_path_factory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("fleet"))


@pytest.fixture(scope="module")
def another_authority(tmp_path_factory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("another")) / "ca.crt"


@pytest.fixture
def queue(secrets, valkey_url) -> Iterator[Front]:
    front = Front(secrets, "redis", Path(urlsplit(valkey_url).path))
    yield front
    front.close()


@pytest.fixture
def database(secrets, postgres_server) -> Iterator[Front]:
    socket = Path(sockets_of(postgres_server.wheel), ".s.PGSQL.5432")
    front = Front(secrets, "postgres", socket, postgres=True)
    yield front
    front.close()


def queue_length(store, settings: Settings) -> int | None:
    dispatcher = Dispatcher(store, settings)
    try:
        return dispatcher.queue_length()
    finally:
        dispatcher.close()


def test_wake_ups_and_limits_go_through_tls(store, settings, queue, secrets):
    url = f"rediss://localhost:{queue.port}/0?ssl_ca_certs={secrets}/ca.crt"
    settings = replace(settings, redis_url=url)
    dispatcher = Dispatcher(store, settings)
    assert dispatcher.wake(4) == 1
    assert dispatcher.queue_length() == 1
    dispatcher.close()
    before = queue.passed_on
    app = create_app(replace(settings, max_requests_per_minute=2))
    header = {"Authorization": f"Bearer {TOKEN}"}
    codes = [app.test_client().get("/api/v1/jobs", headers=header).status_code for _ in range(3)]
    app.extensions["cxr"].painter.close()
    assert codes == [200, 200, 429]
    assert queue.passed_on > before  # counted on the queue's server, not in memory


def test_a_queue_that_cannot_prove_who_it_is_is_not_used(
    store, settings, queue, secrets, another_authority
):
    for host, options in (
        ("localhost", f"?ssl_ca_certs={another_authority}"),
        ("127.0.0.1", f"?ssl_ca_certs={secrets}/ca.crt"),  # not a name of the certificate
        ("localhost", ""),  # the authorities of this machine
    ):
        url = f"rediss://localhost:{queue.port}/0{options}".replace("localhost", host)
        assert queue_length(store, replace(settings, redis_url=url)) is None
    assert queue.passed_on == 0


def test_tls_always_checks():
    assert Settings(redis_url="rediss://:pw@redis:6379/0").redis_url == (
        "rediss://:pw@redis:6379/0?ssl_cert_reqs=required"
    )
    for word in ("none", "optional", "CERT_NONE"):
        with pytest.raises(SettingsError, match="must not say ssl_cert_reqs"):
            Settings(redis_url=f"rediss://redis:6379/0?ssl_cert_reqs={word}")


def test_tables_are_made_and_read_through_tls(database, postgres_server, secrets):
    with postgres_server.new_database() as url:
        name = urlsplit(url).path
        address = f"postgresql://postgres@localhost:{database.port}{name}"
        settings = Settings(
            database_url=f"{address}?sslmode=verify-full&sslrootcert={secrets}/ca.crt"
        )
        store = Store(settings.database_url)
        migrate(store.database)
        assert store.ensure_clinic("default", TOKEN).name == "default"
        with store.database.reading() as session:
            connection = session.connection().connection.driver_connection
            assert connection.pgconn.ssl_in_use
        store.close()
    assert database.passed_on > 0


def test_a_database_that_cannot_prove_who_it_is_is_not_used(database, secrets, another_authority):
    for host, authority, said in (
        ("localhost", another_authority, "certificate verify failed"),
        ("127.0.0.1", secrets / "ca.crt", "does not match host name"),
    ):
        options = f"sslmode=verify-full&sslrootcert={authority}"
        url = f"postgresql://postgres@{host}:{database.port}/postgres?{options}"
        store = Store(Settings(database_url=url).database_url)
        with pytest.raises(OperationalError, match=said), store.database.reading() as session:
            session.execute(text("SELECT 1"))
        store.close()


def test_certificates_are_renewed_by_the_same_authority(tmp_path):
    secrets = make_certificates(tmp_path)
    authority, first = (secrets / "ca.crt").read_bytes(), (secrets / "redis.crt").read_bytes()
    make_certificates(tmp_path)
    assert (secrets / "ca.crt").read_bytes() == authority
    assert (secrets / "redis.crt").read_bytes() != first
    assert (secrets / "ca.key").stat().st_mode & 0o077 == 0
    for name in ("redis", "postgres"):
        said = subprocess.run(
            ["openssl", "x509", "-in", secrets / f"{name}.crt", "-noout", "-text"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert f"DNS:{name}, DNS:localhost" in said
        assert "TLS Web Server Authentication" in said
