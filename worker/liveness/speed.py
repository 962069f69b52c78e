"""How much a worker process has done, and how fast: images in the last minute."""

import threading
import time
from collections import deque

MINUTE_S = 60.0


class Speed:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self.processed = 0
        self._began_at = time.monotonic()
        self._lately: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def note(self, images: int) -> None:
        with self._lock:
            self.processed += images
            self._lately.append((time.monotonic(), images))

    @property
    def images_per_second(self) -> float:
        """Since the start while that is less than a minute ago; 0 when nothing was done."""
        now = time.monotonic()
        with self._lock:
            while self._lately and self._lately[0][0] < now - MINUTE_S:
                self._lately.popleft()
            images = sum(count for _, count in self._lately)
        return images / max(1.0, min(MINUTE_S, now - self._began_at))
