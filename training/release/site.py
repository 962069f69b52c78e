"""A model for one hospital: its probabilities corrected by films that were read there.

A network that is sure of the wrong thing in a strange hospital mostly still puts its films in the
right order (docs/model-development.md). So the network stays as it is, and one temperature and one
shift for each label, which a few dozen patients can bear, move the level of its answers: bias-
corrected temperature scaling (Alexandari, Kundaje and Shrikumar 2020, arXiv 1901.06852).
"""

import datetime
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from model.artifact import Artifact, load_artifact, write_metadata
from model.calibration import Calibration
from training.errors import TrainingError
from training.measure.doubt import figures
from training.measure.evaluate import Answers, report
from training.measure.metrics import MIN_PATIENTS
from training.release.calibrate import COVERAGE, triage, uncertain_below
from training.release.replacing import replacing

FOLDS = 5
MISSED = 0.1  # share of results that may be wrong and not marked as uncertain
SITE = re.compile("[0-9A-Za-z-]{1,32}")


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and what it is worth.

    uncertain_below: a result whose highest probability is under this is a close call, 0..1.
    before, after: figures of `training.measure.evaluate.report`. after: each film answered by a
        calibration that was fitted without its patient. marked: those of
        `training.measure.doubt.figures`, each film by such a calibration and its limit.
    """

    calibration: Calibration
    uncertain_below: float
    before: dict[str, Any]
    after: dict[str, Any]
    marked: dict[str, Any]


def without_calibration(artifact: Artifact) -> Artifact:
    """The model as it was released, whatever hospital it was calibrated for since."""
    return replace(artifact, number=artifact.number.split("+")[0], calibration=None)


def fit(
    targets: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
) -> Calibration:
    """The calibration with the least log loss, kept near to none at all by a normal prior.

    The logarithm of the temperature and the shifts have a standard deviation of 1 there, which a
    handful of patients outweigh. Patients count alike, however many films they have.
    targets: (N,) int. probabilities: (N, K), of the network itself. patients: N names.
    """
    films = Counter(patients)
    weights = np.array([1 / films[patient] for patient in patients])

    def calibration(values: np.ndarray) -> Calibration:
        return Calibration(float(np.exp(values[0])), tuple(map(float, values[1:])))

    def loss(values: np.ndarray) -> float:
        answers = log_softmax(calibration(values).logits(probabilities), axis=1)
        right = answers[np.arange(len(targets)), targets]
        return float(-(weights * right).sum() + (values**2).sum() / 2)

    return calibration(minimize(loss, np.zeros(1 + probabilities.shape[1])).x)


def patients_by_label(answers: Answers) -> dict[str, int]:
    """How many patients have a film of each label."""
    patients = np.asarray(answers.patients)
    return {
        label: len(set(patients[answers.targets == k])) for k, label in enumerate(answers.labels)
    }


def check(answers: Answers) -> None:
    """Raises TrainingError when the films are too few to calibrate by."""
    found = patients_by_label(answers)
    if sum(count >= MIN_PATIENTS for count in found.values()) < 2:
        counts = ", ".join(f"{label} {count}" for label, count in found.items())
        raise TrainingError(
            f"A calibration needs films of {MIN_PATIENTS} patients or more of at least two labels. "
            f"Received patients: {counts}. Read more films, and take them as they come."
        )


def calibrate(answers: Answers) -> Calibrated:
    """answers: of the model without calibration, about films of one hospital.

    Raises TrainingError when they are too few.
    """
    check(answers)
    targets, patients = answers.targets, np.asarray(answers.patients)
    names = np.random.default_rng(0).permutation(np.unique(patients))
    judged, marked = np.empty_like(answers.probabilities), np.empty(len(targets), bool)
    for fold in np.array_split(names, FOLDS):
        left_out = np.isin(patients, fold)
        others, limit = _fitted(answers, ~left_out)
        judged[left_out] = others.of(answers.probabilities[left_out])
        marked[left_out] = judged[left_out].max(axis=1) < limit
    after = replace(answers, probabilities=judged)
    calibration, limit = _fitted(answers, np.ones(len(targets), bool))
    doubt = {name: one.as_dict() for name, one in figures(after, marked).items()}
    return Calibrated(calibration, limit, report(answers), report(after), doubt)


def _fitted(answers: Answers, films: np.ndarray) -> tuple[Calibration, float]:
    """The calibration by these films, (N,) bool, and below which probability its results are
    uncertain."""
    targets, patients = answers.targets[films], np.asarray(answers.patients)[films]
    calibration = fit(targets, answers.probabilities[films], patients)
    return calibration, protecting(targets, calibration.of(answers.probabilities[films]))


def protecting(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The lowest limit under which results are uncertain so that at most MISSED of the films are
    wrong and not marked. It marks at least what `uncertain_below` does where the model ships.

    targets: (N,) int. probabilities: (N, K). Returns: 0..1.
    """
    highest = probabilities.max(axis=1)
    order = np.argsort(-highest)
    wrong = probabilities.argmax(axis=1)[order] != targets[order]
    missed = np.cumsum(wrong) > MISSED * len(targets)
    # The first film that is one too many, and all less certain ones, are marked.
    limit = highest[order][missed.argmax()] if missed.any() else 0.0
    return float(max(np.nextafter(limit, 1), uncertain_below(probabilities, COVERAGE)))


def check_target(artifact: Artifact, site: str, out: Path) -> None:
    """Raises TrainingError for a name that no version can end with, or when `out` is the artifact's
    own folder."""
    if not SITE.fullmatch(site):
        raise TrainingError(f"A site has 1 to 32 letters, digits and hyphens. Received: {site!r}.")
    if out.resolve() == artifact.path.resolve():
        raise TrainingError(f"{out} is the model's own folder. Choose another one for --out.")


def write(
    artifact: Artifact, answers: Answers, calibrated: Calibrated, site: str, out: Path
) -> Artifact:
    """A copy of the artifact that answers with the calibration, in the folder `out`.

    site: a name for the hospital, of letters, digits and hyphens; the version ends with it. Limits
    that are shares of films come from those of the hospital.
    Raises TrainingError as `check_target` does.
    """
    check_target(artifact, site, out)
    base = without_calibration(artifact)
    corrected = calibrated.calibration.of(answers.probabilities)
    metadata = dict(artifact.metadata) | {
        "version": f"{base.number}+{site}",
        "calibration": calibrated.calibration.as_json(artifact.labels)
        | {
            "site": site,
            "of": base.version,
            "images": len(answers.samples),
            "patients": len(set(answers.patients)),
            "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
        "uncertain_below": calibrated.uncertain_below,
        "uncertain_coverage": float((corrected.max(axis=1) >= calibrated.uncertain_below).mean()),
        "triage": triage(answers.samples, answers.labels, corrected, split="site"),
        "metrics": calibrated.after,
    }
    with replacing(out) as unfinished:
        for name in artifact.metadata["files"]:
            shutil.copyfile(artifact.path / name, unfinished / name)
        write_metadata(unfinished, metadata)
    return load_artifact(out)
