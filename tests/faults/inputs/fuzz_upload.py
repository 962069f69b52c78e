"""Fuzz target: the upload endpoint, over a real store and real files in a temporary folder."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.faults.inputs.fuzz_decode import Finding, key_of
from tests.faults.inputs.fuzz_requests import Upload
from tests.support.access import TOKEN
from tests.support.databases import migrated_store
from web.app import create_app
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC

LIMITS = {"max_image_mb": 1, "max_upload_mb": 4, "max_job_images": 30}
MAX_REQUESTS = 200  # then with an empty store again: the files are counted after every request
JOBS = "/api/v1/jobs"


class Server:
    """The web application with its own store. Use as a context.

    limits: settings that are not the defaults.
    """

    def __init__(self, limits: Mapping[str, int] = LIMITS) -> None:
        self._limits = limits

    def __enter__(self) -> "Server":
        self._requests = 0
        self._home = Path(tempfile.mkdtemp(prefix="cxr-fuzz-"))
        settings = Settings(
            home=self._home,
            redis_url="redis://127.0.0.1:1/0",
            secret_key="for the fuzzer",
            **self._limits,
        )
        self._images = settings.images_dir
        self._store = migrated_store(settings.database_url)
        self._clinic = self._store.ensure_clinic(DEFAULT_CLINIC, TOKEN).id
        app = create_app(settings)
        app.testing = app.config["PROPAGATE_EXCEPTIONS"] = False
        self._unexpected: list[BaseException] = []
        note = app.error_handler_spec[None][None][Exception]

        def remember(error: BaseException):
            self._unexpected.append(error)
            return note(error)

        app.error_handler_spec[None][None][Exception] = remember
        self._client = app.test_client()
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
        shutil.rmtree(self._home)

    def finding(self, upload: Upload) -> Finding | None:
        """What goes wrong with this request; None when it is taken or refused as it should be."""
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            self.__exit__()
            self.__enter__()
        self._unexpected.clear()
        before = self.stored_bytes()
        headers = [("Authorization", f"Bearer {TOKEN}"), *upload.headers]
        answer = self._client.post(
            JOBS, data=upload.body, content_type=upload.content_type, headers=headers
        )
        problem = self._problem(answer, before)
        if problem is None:
            return None
        key = key_of(self._unexpected[0]) if self._unexpected else problem
        return Finding(key, f"{problem}\n{answer.text}", upload.dump(), "upload")

    def _problem(self, answer, before: int) -> str | None:
        if answer.status_code == 202:
            return self._problem_of_job(answer.json)
        if not 400 <= answer.status_code < 500:
            return f"status {answer.status_code}"
        if answer.content_type != "application/problem+json" or not answer.json["detail"]:
            return f"no problem document, but {answer.content_type}"
        if self.stored_bytes() != before:
            return "a refused upload left something behind"
        return None

    def _problem_of_job(self, job: dict) -> str | None:
        rows = self._store.images(self._clinic, job["id"], limit=500).items
        if len(rows) != job["counts"]["total"]:
            return "rows and counts differ"
        if not all(row.filename.isprintable() for row in rows) or not job["name"].isprintable():
            return "a name that cannot be shown"
        for row in rows:
            if (row.file_key is None) != (row.status == "rejected"):
                return "a row without its file, or a refused one with it"
            if row.file_key is not None and not (self._images / row.file_key).is_file():
                return "a row whose file is not there"
        return None

    def stored_bytes(self) -> int:
        return sum(path.stat().st_size for path in self._images.rglob("*") if path.is_file())
