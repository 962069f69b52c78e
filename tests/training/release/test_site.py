"""A model calibrated for one hospital: what is fitted, what is measured, what is written."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from model.artifact import INT8, load_artifact
from model.calibration import Calibration
from model.classifier import Classifier
from model.framing.box import WHOLE
from tests.support.commands import cxr
from tests.support.toys import LABELS, toy_artifact, toy_folders
from training.data.samples import Sample
from training.errors import TrainingError
from training.measure.evaluate import Answers
from training.release import site, site_curve

FAR = Calibration(0.6, (1.5, -1.0, 0.0))  # of a network that is too sure, of the wrong label


def answers_of(probabilities: np.ndarray, targets: np.ndarray, films_each: int = 1) -> Answers:
    samples = [
        Sample(Path(f"{number}.png"), LABELS[target], "test", f"p{number // films_each}", "here")
        for number, target in enumerate(targets)
    ]
    return Answers(samples, probabilities, {}, [WHOLE] * len(samples), LABELS)


def strange_hospital(films: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(targets, what a network says): right once the opposite of FAR is done to it."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (films, 3))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (honest.cumsum(axis=1) < random.random((films, 1))).sum(axis=1)
    return targets, FAR.of(honest)


def names(count: int) -> list[str]:
    return [f"p{number}" for number in range(count)]


def test_what_was_done_to_the_probabilities_is_undone():
    targets, said = strange_hospital()
    found = site.fit(targets, said, names(len(targets)))

    assert found.temperature == pytest.approx(1 / FAR.temperature, rel=0.1)
    moved = np.array(FAR.shifts) * -FAR.temperature
    np.testing.assert_allclose(
        np.array(found.shifts) - np.mean(found.shifts), moved - moved.mean(), atol=0.2
    )


def test_few_films_move_little():
    """One film of each label may not say that the network is wrong about all."""
    targets, said = np.arange(3), np.full((3, 3), 1 / 3)
    few = site.fit(targets[:1], said[:1], names(1))
    many = site.fit(np.zeros(300, int), np.full((300, 3), 1 / 3), names(300))
    assert 0.2 < few.shifts[0] - few.shifts[1] < 1
    assert many.shifts[0] - many.shifts[1] > 3


def test_a_patient_with_many_films_counts_once():
    targets, said = strange_hospital(300)
    again = np.concatenate([np.arange(300), np.zeros(200, int)])
    once = site.fit(targets, said, names(300))
    often = site.fit(targets[again], said[again], [f"p{number}" for number in again])
    np.testing.assert_allclose(often.shifts, once.shifts, atol=1e-3)


def test_figures_are_of_films_that_the_calibration_did_not_see(monkeypatch):
    targets, said = strange_hospital(120)
    answers = answers_of(said, targets, films_each=2)
    fitted = []

    def watched(targets, probabilities, patients):
        fitted.append(set(patients))
        # Whoever was learned from would be answered otherwise than those who were not.
        return Calibration(1.0, (float(len(fitted)), 0.0, 0.0))

    monkeypatch.setattr(site, "fit", watched)
    monkeypatch.setattr(site, "report", lambda answers: answers)
    after = site.calibrate(answers).after

    everyone = set(answers.patients)
    folds = fitted[: site.FOLDS]
    assert set.union(*(everyone - others for others in folds)) == everyone
    assert sum(len(everyone - others) for others in folds) == len(everyone)
    for number, others in enumerate(folds):
        left_out = [n for n, one in enumerate(answers.patients) if one not in others]
        by_them = Calibration(1.0, (number + 1.0, 0.0, 0.0)).of(said[left_out])
        np.testing.assert_allclose(after.probabilities[left_out], by_them)


def test_it_answers_better_where_the_level_was_wrong():
    targets, said = strange_hospital(400)
    found = site.calibrate(answers_of(said, targets))
    before, after = (part["figures"] for part in (found.before, found.after))
    assert after["ece"]["value"] < before["ece"]["value"] / 2
    assert after["accuracy"]["value"] > before["accuracy"]["value"] + 0.05


def test_a_tenth_of_the_results_at_most_is_wrong_and_not_marked():
    targets, said = strange_hospital(1000)
    found = site.calibrate(answers_of(said, targets))
    corrected = found.calibration.of(said)
    unmarked = corrected.max(axis=1) >= found.uncertain_below
    missed = unmarked & (corrected.argmax(axis=1) != targets)
    assert 0.09 < missed.mean() <= 0.1
    # One film more would be too many.
    lower = np.sort(corrected.max(axis=1)[~unmarked])[::-1]
    more = corrected.max(axis=1) >= lower[0]
    assert (more & (corrected.argmax(axis=1) != targets)).mean() > 0.1
    assert found.marked["wrong and unmarked"]["value"] == pytest.approx(0.1, abs=0.02)
    assert found.marked["unmarked"]["value"] == pytest.approx(unmarked.mean(), abs=0.05)


def test_where_the_model_is_right_a_tenth_is_marked_all_the_same():
    targets = np.tile([0, 1], 50)
    sure = np.linspace(0.9, 0.99, 100)
    said = np.full((100, 3), 0.001)
    said[np.arange(100), targets] = sure
    limit = site.protecting(targets, said)
    assert (sure < limit).mean() == pytest.approx(0.1)


def test_too_few_patients_are_refused():
    answers = answers_of(np.full((40, 3), 1 / 3), np.array([0] * 31 + [1] * 9))
    with pytest.raises(TrainingError, match="COVID19 31, NORMAL 9, PNEUMONIA 0"):
        site.calibrate(answers)


def test_ten_films_of_one_patient_are_one_patient():
    targets = np.array([0] * 20 + [1] * 20)
    answers = answers_of(np.full((40, 3), 1 / 3), targets, films_each=20)
    with pytest.raises(TrainingError, match="COVID19 1, NORMAL 1"):
        site.calibrate(answers)


def test_a_name_that_no_version_can_end_with_is_refused(tmp_path):
    targets, said = strange_hospital(100)
    answers = answers_of(said, targets)
    artifact, calibrated = load_artifact(toy_artifact()), site.calibrate(answers)
    with pytest.raises(TrainingError, match=r"St\. Anna"):
        site.write(artifact, answers, calibrated, "St. Anna", tmp_path / "out")
    with pytest.raises(TrainingError, match="own folder"):
        site.write(artifact, answers, calibrated, "anna", artifact.path)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Ten pictures of each of three labels."""
    return toy_folders(tmp_path_factory.mktemp("films"), each=10)


def calibrate(films, out, *arguments):
    return cxr(
        *(
            "calibrate",
            "--artifact",
            toy_artifact(),
            "--manifest",
            films / "test",
            "--site",
            "anna",
        ),
        *("--no-gate", "--out", out, *arguments),
    )


def test_the_command_leaves_a_model_that_answers_otherwise(films, tmp_path):
    result = calibrate(films, tmp_path, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    film = (films / "test" / LABELS[0] / "0.png").read_bytes()

    answers = []
    for folder in (toy_artifact(), tmp_path):
        classifier = Classifier.load(folder)
        answers.append(classifier.classify([classifier.prepare(film, waived=True)])[0])
    before, after = answers
    kept = load_artifact(tmp_path).calibration
    row = np.array([list(before.probabilities.values())], np.float32)
    np.testing.assert_allclose(list(after.probabilities.values()), kept.of(row)[0], rtol=1e-5)
    assert abs(after.probabilities["COVID19"] - before.probabilities["COVID19"]) > 0.001
    assert after.model == said["calibrated"] == "toy-0.0.1+anna"
    assert (said["calibration"]["images"], said["calibration"]["of"]) == (30, "toy-0.0.1")
    assert said["before"]["n"] == said["after"]["n"] == 30
    assert after.triage is not None
    assert load_artifact(tmp_path).metadata["metrics"] == said["after"]


def test_a_calibrated_model_is_calibrated_anew(films, tmp_path):
    """From the network's own answers: calibrations do not pile up."""
    calibrate(films, tmp_path / "once")
    again = cxr(
        *("calibrate", "--artifact", tmp_path / "once", "--manifest", films / "test"),
        *("--site", "bell", "--no-gate", "--out", tmp_path / "twice"),
    )
    assert again.exit_code == 0, again.output
    once, twice = (load_artifact(tmp_path / name) for name in ("once", "twice"))
    assert once.calibration == twice.calibration
    assert twice.version == "toy-0.0.1+bell"
    assert "toy-0.0.1+bell" in again.stdout
    assert "The calibrated model is in" in again.stdout


def test_a_worker_keeps_the_model_that_it_has_open(films, tmp_path):
    out = tmp_path / "anna"
    assert calibrate(films, out).exit_code == 0
    with (out / INT8).open("rb") as in_use:
        assert calibrate(films, out).exit_code == 0
        # Replaced and not written over: the worker's file has no name any more.
        assert os.fstat(in_use.fileno()).st_nlink == 0
    assert load_artifact(out).number == "0.0.1+anna"
    assert {file.name for file in tmp_path.iterdir()} == {"anna"}


def test_an_interrupted_copy_leaves_the_model_of_before(films, tmp_path, monkeypatch):
    out = tmp_path / "anna"
    assert calibrate(films, out).exit_code == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(site.shutil, "copyfile", fails)
    assert calibrate(films, out).exit_code != 0
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert {file.name for file in tmp_path.iterdir()} == {"anna"}


def test_a_label_that_hardly_occurs_is_named(films, tmp_path):
    rows = [f"{films}/test/{one}/{n}.png,{one}" for one in LABELS[:2] for n in range(10)]
    manifest = tmp_path / "read.csv"
    manifest.write_text("\n".join(["path,label", *rows]))
    result = cxr(
        *("calibrate", "--artifact", toy_artifact(), "--manifest", manifest, "--site", "anna"),
        *("--no-gate", "--out", tmp_path / "out"),
    )
    assert result.exit_code == 0, result.output
    assert "PNEUMONIA is the label of 0 patients" in result.stderr


def test_a_calibration_counts_as_one_more_patient_is_read():
    """The curve draws whole patients: nobody is both learned from and measured on."""
    targets, said = strange_hospital(300)
    answers = answers_of(said, targets, films_each=3)
    patients = np.asarray(answers.patients)
    for chosen, others in site_curve.drawn(answers, count=20, draws=5):
        assert len(set(patients[chosen])) == len(chosen) == 20
        assert not set(patients[chosen]) & set(patients[others])
        assert len(others) == 240
    (none, before), (count, after) = site_curve.curve(answers, counts=(40, 200), draws=5)
    assert (none, len(before), count, len(after)) == (0, 1, 40, 5)
    assert np.mean([one["ece"] for one in after]) < before[0]["ece"]
