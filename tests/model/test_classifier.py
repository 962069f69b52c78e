import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from model.artifact import (
    REFERENCE,
    RELEASED,
    TRAINING_FILMS,
    OperatingPoint,
    load_artifact,
)
from model.classifier import Classifier
from model.classify.results import classify_files
from model.classify.sources import Source
from model.doubt import MEANINGS, Reference
from model.engines import load_engine
from model.engines.output import Output
from model.errors import ArtifactMissing, NotAChestXray, UnreadableImage
from tests.support.pictures import NOT_CHESTS, png_of


def test_it_is_the_released_model(classifier):
    assert classifier.version == load_artifact().version
    assert classifier.batch_size >= 1


def test_linear_algebra_keeps_to_one_thread():
    """There is a process per core: more threads wait for each other, spinning."""
    with threadpool_limits(2, user_api="blas"):
        Classifier.load()
        libraries = [one for one in threadpool_info() if one["user_api"] == "blas"]

    assert [one["num_threads"] for one in libraries] == [1] * len(libraries)


def test_no_model_is_a_clear_error(tmp_path):
    with pytest.raises(ArtifactMissing):
        Classifier.load(tmp_path)


def test_a_file_is_prepared(classifier, radiographs):
    prepared = classifier.prepare(radiographs["RG1_UNCI"])
    size = load_artifact().preprocessing.size

    assert prepared.image.shape == (size, size, 3)
    assert prepared.image.dtype == np.float32
    assert (prepared.width, prepared.height) == (1841, 1955)
    # A frame around the lungs may reach beyond the film.
    left, top, right, bottom = prepared.box
    assert -0.2 < left < 0.3 < 0.7 < right < 1.2
    assert -0.2 < top < 0.3 < 0.7 < bottom < 1.2
    assert prepared.gate.version.startswith("frontal-")
    assert 0.5 < prepared.gate.score <= 1
    assert prepared.decode_ms > 0
    assert prepared.gate_ms > 0
    assert prepared.prepare_ms > 0


def test_path_and_bytes_give_the_same(classifier, radiographs):
    path = radiographs["RG1_J2KI"]

    one, other = classifier.prepare(path), classifier.prepare(path.read_bytes())
    np.testing.assert_array_equal(one.image, other.image)


def test_what_is_no_chest_never_reaches_the_network(classifier, radiographs):
    with pytest.raises(NotAChestXray) as refused:
        classifier.prepare(radiographs["RG3_UNCI"])
    assert 0 <= refused.value.gate.score < 0.5
    with pytest.raises(UnreadableImage):
        classifier.prepare(b"")


class Scripted:
    """An engine that gives one answer, with features."""

    batch_size = 1
    computes_elsewhere = False

    def __init__(self, probabilities: tuple[float, ...], features: tuple[float, ...]) -> None:
        self._output = Output(
            np.array([probabilities], np.float32), {}, np.array([features], np.float32)
        )

    def predict(self, _: np.ndarray) -> Output:
        return self._output


def test_why_a_result_is_uncertain(tmp_path, classifier, chest):
    """Each reason alone, and all together; none for a sure answer about a usual film."""
    films = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], np.float32)
    reference = Reference(np.zeros(2), np.eye(2, dtype=np.float32), films, nearest=2, limit=1.0)
    reference.save(tmp_path / TRAINING_FILMS)
    artifact = load_artifact()
    artifact = dataclasses.replace(
        artifact,
        path=tmp_path,
        uncertain_below=0.75,
        triage=OperatingPoint("NORMAL", 0.25),
        metadata={**artifact.metadata, "files": {TRAINING_FILMS: ""}},
    )
    prepared = classifier.prepare(png_of(chest.pixels))

    def said(probabilities, features, lungs_found=True):
        shown = dataclasses.replace(prepared, lungs_found=lungs_found)
        (result,) = Classifier(artifact, Scripted(probabilities, features)).classify([shown])
        return result

    sure, close = (0.1, 0.85, 0.05), (0.3, 0.6, 0.1)
    usual, strange = (5.0, 1.0), (-3.0, 1.0)
    assert said(sure, usual).uncertain_reasons == ()
    assert not said(sure, usual).uncertain
    assert said(close, usual).uncertain_reasons == ("close_call",)
    assert said(sure, strange).uncertain_reasons == ("unlike_training",)
    assert said(sure, usual, False).uncertain_reasons == ("frame_not_found",)
    everything = said(close, strange, False)
    assert everything.uncertain_reasons == tuple(MEANINGS)
    assert everything.uncertain
    assert said(sure, usual).triage == pytest.approx((0.15, 0.25))
    assert not said(sure, usual).triage.flagged
    assert everything.triage.flagged
    # What reaches a limit is within it: limits are the answers of some film.
    at_the_limit = said((0.125, 0.75, 0.125), usual)
    assert not at_the_limit.uncertain
    assert at_the_limit.triage.flagged


def test_an_older_artifact_knows_close_calls_only(radiographs):
    artifact = load_artifact(REFERENCE)
    assert artifact.triage is None
    assert artifact.training_films_file is None
    engine = load_engine(artifact, "cpu")
    found = {}
    for limit in (0.0, 1.0):
        given = dataclasses.replace(artifact, uncertain_below=limit)
        classifier = Classifier(given, engine)
        [result] = classifier.classify([classifier.prepare(radiographs["RG1_J2KI"])])
        found[limit] = result.uncertain_reasons
        assert result.triage is None
    assert found == {0.0: (), 1.0: ("close_call",)}


def test_predictions_in_order(classifier, chest):
    pictures = [chest.pixels, chest.pixels**2, chest.pixels**0.5]
    prepared = [classifier.prepare(png_of(picture)) for picture in pictures]
    together = classifier.classify(prepared)
    alone = [classifier.classify([one])[0] for one in prepared]

    for one, other, shown in zip(together, alone, prepared, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-3)
        assert tuple(one.probabilities) == classifier.labels
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-3)
        assert one.label == max(one.probabilities, key=one.probabilities.get)
        attention = next(iter(one.maps.values()))
        assert attention.dtype == np.float16
        assert attention.ndim == 2
        assert 0 <= attention.min() < attention.max() <= 1
        assert one.box == shown.box.inside
        assert one.model == classifier.version
        assert one.infer_ms > 0


@pytest.mark.parametrize(
    ("folder", "label", "probability"),
    [(RELEASED, "PNEUMONIA", 1.000), (REFERENCE, "COVID19", 0.905)],
)
def test_the_demo_chest_keeps_its_label(radiographs, folder, label, probability):
    """What the models that ship say about a public film: labels in another order would show."""
    classifier = Classifier.load(folder)
    (result,) = classifier.classify([classifier.prepare(radiographs["RG1_UNCR"])])
    assert result.label == label
    assert result.probabilities[label] == pytest.approx(probability, abs=0.02)


def test_nothing_to_classify(classifier):
    assert classifier.classify([]) == []


@pytest.mark.slow
def test_prepare_from_many_threads(classifier, radiographs):
    path = radiographs["RG1_J2KI"]
    alone = classifier.prepare(path).image
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: classifier.prepare(path).image, range(8)))

    for image in images:
        np.testing.assert_array_equal(image, alone)


class FailsOn:
    """A real engine that breaks down when it meets one certain image."""

    batch_size = 4
    computes_elsewhere = False

    def __init__(self, engine, image: np.ndarray) -> None:
        self._engine = engine
        self._image = image

    def predict(self, images: np.ndarray):
        if any(np.array_equal(image, self._image) for image in images):
            raise RuntimeError("the network broke down")
        return self._engine.predict(images)


def test_one_bad_image_does_not_take_the_others_along(classifier, chest):
    contents = [png_of(chest.pixels**power) for power in np.linspace(0.5, 2, 10)]
    poison = classifier.prepare(contents[6]).image
    broken = Classifier(load_artifact(), FailsOn(classifier._engine, poison))
    sources = [Source(f"{i}.png", content) for i, content in enumerate(contents)]
    sources.insert(3, Source("page.png", png_of(NOT_CHESTS["text_page"]())))
    sources.insert(5, Source("empty.png", b""))
    file_results = list(classify_files(broken, sources))

    assert [file_result.file for file_result in file_results] == [source.name for source in sources]
    by_name = {file_result.file: file_result for file_result in file_results}
    assert by_name.pop("6.png").status == "failed"
    assert by_name.pop("page.png").reason == "not_a_chest_xray"
    assert by_name.pop("empty.png").reason == "unreadable"
    assert {file_result.status for file_result in by_name.values()} == {"done"}


def test_verdicts_come_while_files_are_still_to_be_read(classifier, chest):
    content = png_of(chest.pixels)
    given = []

    def endless():
        while True:
            given.append(len(given))
            yield Source(f"{given[-1]}.png", content)

    file_results = classify_files(classifier, endless())
    first = next(file_results)
    file_results.close()

    assert first.status == "done"
    assert set(first.timings_ms) == {"decode", "gate", "prepare", "infer"}
    assert len(given) <= 2 * classifier.batch_size + 4
