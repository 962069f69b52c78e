"""`python -m tests.faults.full_disk FOLDER hold|none`: a disk that is full to its last byte.

FOLDER is on a disk of its own. Prints what an upload and a deletion are answered, as JSON.
"""

import io
import json
import sys
from contextlib import suppress
from pathlib import Path

from tests.support.access import SECRET_KEY, TOKEN
from web.app import create_app
from worker.files.space import Reserve
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate


def main(folder: Path, reserve: str) -> None:
    settings = Settings(
        home=folder / "home",
        redis_url="redis://127.0.0.1:1/0",
        secret_key=SECRET_KEY,
        min_free_mb=1,
    )
    store = Store(settings.database_url)
    migrate(store.database)
    store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
    client = create_app(settings).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"

    def upload() -> int:
        files = [(io.BytesIO(bytes([number]) * 1_000_000), f"{number}.png") for number in range(20)]
        return client.post("/api/v1/jobs", data={"files": files}).status_code

    answers = {"before": upload()}
    if reserve == "hold":
        Reserve(settings.home).hold()
    fill(folder / "others")
    answers |= {"full": upload(), "ready": client.get("/readyz").json["storage"]}
    answers["deleted"] = client.delete("/api/v1/jobs/1").status_code
    answers["again"] = upload()
    print(json.dumps(answers))


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as opened:
        for size in (1_000_000, 4096, 1):
            with suppress(OSError):
                while True:
                    opened.write(bytes(size))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
