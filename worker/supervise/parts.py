"""The processes of a running system that belong to this package."""

import sys

from model.artifact import METADATA, load_artifact
from model.errors import ModelError
from worker.errors import SettingsError
from worker.settings import Settings
from worker.supervise.process import GRACE_S, Part

# -P: what lies in the current folder, a `model.py` or a package `worker`, is never imported.
PYTHON = (sys.executable, "-P")
CXR = (*PYTHON, "-m", "cxr")
# docker-compose.yml gives a container of workers 60 s; some of that is for cleaning up.
CONTAINER_GRACE_S = 52.0


def worker_part(settings: Settings, name: str, grace_s: float = GRACE_S) -> Part:
    """One worker process. A fresh interpreter: nothing heavy is ever loaded before a fork.

    grace_s: seconds that it gets to finish what it holds when it is told to stop.
    """
    return Part(
        name,
        [*CXR, "worker", "--processes", "1", "--device", settings.device],
        settings.for_workers.environment(),
        grace_s=grace_s,
        after_death=[*PYTHON, "-m", "worker.liveness.release"],
    )


def shadow_part(settings: Settings) -> Part:
    """The process of the shadow model: one on a machine, whatever the number of its workers."""
    command = [*PYTHON, "-m", "worker.running.shadow"]
    return Part("shadow", command, settings.for_workers.environment())


def sweeper_part(settings: Settings) -> Part:
    return Part("sweeper", [*CXR, "sweep"], settings.without_secrets.environment())


def check_models(settings: Settings) -> None:
    """Before the start, since a missing model is better told then than by a worker.

    Raises ModelError when the model cannot be used, SettingsError when the shadow model cannot, or
    is nothing to compare the model with.
    """
    active, folder = load_artifact(settings.artifact), settings.shadow_artifact
    if folder is None:
        return
    if not (folder / METADATA).is_file():
        raise SettingsError(
            f"CXR_SHADOW_ARTIFACT must be the folder of a model. Received: {folder}, which has no "
            f"{METADATA}."
        )
    try:
        shadow = load_artifact(folder)
    except ModelError as error:
        raise SettingsError(f"CXR_SHADOW_ARTIFACT cannot be used: {error}") from error
    if shadow.version == active.version:
        raise SettingsError(
            f"CXR_SHADOW_ARTIFACT must be another model than the one in use. Received: {folder}, "
            f"which is {shadow.version}, as that one is. Unset it, or export the new model under "
            "another version."
        )
    if not set(shadow.labels) & set(active.labels):
        raise SettingsError(
            f"CXR_SHADOW_ARTIFACT must be a model that has labels in common with the one in use "
            f"({', '.join(active.labels)}). Received: {folder}, with {', '.join(shadow.labels)}."
        )
