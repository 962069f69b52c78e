"""What a process that runs a model says of itself."""

import os
import secrets
import socket
from datetime import UTC, datetime

from worker.records.images import ResultRole
from worker.records.work import WorkerRecord
from worker.settings import PROCESS_NAME


def this_process(device: str, model: str, role: ResultRole = ResultRole.ACTIVE) -> WorkerRecord:
    """Its id is the supervisor's name for it: by that, what it holds is given back if it dies."""
    return WorkerRecord(
        id=os.environ.get(PROCESS_NAME) or secrets.token_hex(8),
        host=socket.gethostname(),
        pid=os.getpid(),
        device=device,
        model=model,
        started_at=datetime.now(UTC),
        role=role,
    )
