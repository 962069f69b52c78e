"""What requests work with: settings, store, image files, dispatcher. Made once per process."""

from dataclasses import dataclass

from flask import current_app

from web.last_use import LastUse
from web.readiness import Readiness
from web.tallies import Tallies
from web.trail import Trail
from worker.files.image_files import ImageFiles
from worker.files.unfinished import UnfinishedUploads
from worker.intake.receiving import Intake
from worker.pictures.files import PictureFiles
from worker.pictures.painter import Painter
from worker.queue.dispatch import Dispatcher
from worker.settings import Settings
from worker.store import Store


@dataclass(frozen=True)
class Services:
    settings: Settings
    store: Store
    files: ImageFiles
    dispatcher: Dispatcher
    intake: Intake
    unfinished: UnfinishedUploads
    readiness: Readiness
    tallies: Tallies
    pictures: PictureFiles
    painter: Painter
    last_use: LastUse
    trail: Trail

    @classmethod
    def make(cls, settings: Settings) -> "Services":
        store = Store(settings.database_url)
        files = ImageFiles.of(settings)
        dispatcher = Dispatcher(store, settings)
        intake = Intake(store, files, settings, dispatcher.wake)
        readiness = Readiness(store, dispatcher, files)
        tallies = Tallies(store)
        pictures = PictureFiles(files, settings.picture_cache_mb)
        painter = Painter(pictures, settings.image_limit_s)
        return cls(
            settings=settings,
            store=store,
            files=files,
            dispatcher=dispatcher,
            intake=intake,
            unfinished=UnfinishedUploads.of(files, settings),
            readiness=readiness,
            tallies=tallies,
            pictures=pictures,
            painter=painter,
            last_use=LastUse(store),
            trail=Trail(store),
        )


def services() -> Services:
    """The services of the application that handles this request."""
    return current_app.extensions["cxr"]
