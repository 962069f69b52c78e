"""What requests work with: settings, store, image files, dispatcher. Made once per process."""

from dataclasses import dataclass

from flask import current_app

from worker.intake.files import ImageFiles
from worker.queue.dispatch import Dispatcher
from worker.settings import Settings
from worker.store import Store


@dataclass(frozen=True)
class Services:
    settings: Settings
    store: Store
    files: ImageFiles
    dispatcher: Dispatcher

    @classmethod
    def make(cls, settings: Settings) -> "Services":
        store = Store(settings.database_url)
        return cls(settings, store, ImageFiles(settings.images_dir), Dispatcher(store, settings))


def services() -> Services:
    """The services of the application that handles this request."""
    return current_app.extensions["cxr"]
