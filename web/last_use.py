"""The last use of tokens and sessions, recorded in the background at most once a minute.

A request never waits for the write: the database may be locked, and the disk may be full.
"""

import logging
import threading
import time

from sqlalchemy.exc import DBAPIError

from worker.access import Principal
from worker.store import Store

log = logging.getLogger(__name__)

EVERY_S = 60.0


class LastUse:
    """Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._noted: dict[tuple[str, int], float] = {}
        self._tokens: set[int] = set()
        self._sessions: set[int] = set()
        self._writing = False

    def note(self, principal: Principal) -> None:
        """The principal makes a request now."""
        now = time.monotonic()
        if principal.session_id is not None:
            key, waiting = ("session", principal.session_id), self._sessions
        else:
            key, waiting = ("token", principal.id), self._tokens
        with self._lock:
            if now - self._noted.get(key, -EVERY_S) < EVERY_S:
                return
            self._noted[key] = now
            waiting.add(key[1])
            if self._writing:
                return
            self._writing = True
        threading.Thread(target=self._write, name="last-use", daemon=True).start()

    def _write(self) -> None:
        while True:
            with self._lock:
                tokens, sessions = sorted(self._tokens), sorted(self._sessions)
                self._tokens.clear()
                self._sessions.clear()
                if not (tokens or sessions):
                    old = time.monotonic() - EVERY_S
                    self._noted = {key: at for key, at in self._noted.items() if at > old}
                    self._writing = False
                    return
            try:
                if tokens:
                    self._store.note_token_use(tokens)
                if sessions:
                    self._store.note_session_use(sessions)
            except DBAPIError as error:
                # A request after EVERY_S seconds notes it again.
                log.warning("The last use was not noted: %s", type(error.orig).__name__)
