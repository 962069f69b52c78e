"""The web application over a real store and real files; no server, no workers."""

import io
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from PIL import Image

from tests.support import drawing
from tests.support.access import TOKEN, sign_in
from web.app import create_app
from web.services import Services
from worker import passwords
from worker.pictures import painter


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory) -> BytecodeCache:
    """Each test has an application of its own, and would compile every template again."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="package", autouse=True)
def drawing_processes() -> Iterator[None]:
    """Applications draw with processes of earlier ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painter, "_DrawingProcess", drawing.LentProcess)
        yield
    drawing.end()


@pytest.fixture(scope="package", autouse=True)
def quick_passwords() -> Iterator[None]:
    """What it costs to guess a password is tested in tests/worker/test_passwords.py."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", quick)
        yield


@pytest.fixture(scope="session")
def applications() -> dict[str, APIFlask]:
    """Those of earlier tests, by their settings but for the folder. Making one costs more than most
    requests of a test do."""
    return {}


@pytest.fixture
def app(settings, store, applications, compiled_templates) -> Iterator[APIFlask]:
    """Leave its routes as they are: later tests get the same, with services of their own."""
    key = str(astuple(settings)).replace(str(settings.home), "")
    if key not in applications:
        applications[key] = create_app(settings)
        applications[key].jinja_env.bytecode_cache = compiled_templates
    app = applications[key]
    app.extensions["cxr"] = Services.make(settings)
    (limiter,) = app.extensions["limiter"]
    limiter.enabled = True
    limiter._fallback_storage.reset()
    yield app
    app.extensions["cxr"].trail.close()
    app.extensions["cxr"].painter.close()


@pytest.fixture
def client(app) -> FlaskClient:
    """A program with a token."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


@pytest.fixture
def client_with(settings, store) -> Callable[..., FlaskClient]:
    """Makes `client` for a web server with other settings."""

    def make(**changes) -> FlaskClient:
        client = create_app(replace(settings, **changes)).test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        return client

    return make


@pytest.fixture
def visitor(app) -> FlaskClient:
    """A browser that has not signed in."""
    return app.test_client()


@pytest.fixture
def reader(visitor) -> FlaskClient:
    """A browser that has signed in."""
    assert sign_in(visitor).status_code == 303
    return visitor


@pytest.fixture(scope="session")
def png() -> bytes:
    """A grey picture that decodes; nobody would take it for an X-ray."""
    levels = np.add.outer(np.arange(120), np.arange(160)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def upload(client):
    """Sends {filename: bytes} as one multipart job."""

    def send(contents: dict[str, bytes], **fields):
        files = [(io.BytesIO(content), name) for name, content in contents.items()]
        return client.post("/api/v1/jobs", data={"files": files, **fields})

    return send


@pytest.fixture
def stored(settings):
    """Lists the files in the image store, those on their way in included."""

    def files() -> list[Path]:
        return [path for path in settings.images_dir.rglob("*") if path.is_file()]

    return files
