"""From what readers say to data that a model is measured with: `cxr reviews export`."""

import numpy as np
import pytest
from click.testing import CliRunner

from cxr import main
from model.framing.box import WHOLE
from model.reading.radiograph import decode
from tests.support.access import TOKEN
from tests.support.results import work
from tests.support.site import Site
from training.data.findings import finding_map, read_findings
from training.data.manifest import read_manifest
from training.data.samples import Classes
from worker.records.jobs import NewImage
from worker.records.reviews import NewReview, ReviewBox, Verdict

CLASSES = Classes(("COVID19", "NORMAL", "PNEUMONIA"))
OPACITY = ReviewBox(0.125, 0.25, 0.375, 0.75, "opacity")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Site(tmp_path_factory.mktemp("home")) as site:
        yield site


@pytest.fixture(scope="module")
def reviewed(site, chest) -> Site:
    """Results: PNEUMONIA, COVID19, NORMAL, PNEUMONIA. The first is agreed with, the second given
    another label by both readers, the third unusable, on the fourth readers disagree."""
    key, size = site.keep(chest), chest.stat().st_size
    site.job("Read", [NewImage(f"{n}.png", key, size) for n in range(5)])
    assert work(site.store, 4) == 4
    for image, reader, verdict, label, boxes in (
        (1, "Dr. A", Verdict.AGREE, None, (OPACITY,)),
        (2, "Dr. A", Verdict.OTHER_LABEL, "NORMAL", ()),
        (2, "Dr. B", Verdict.OTHER_LABEL, "NORMAL", ()),
        (3, "Dr. A", Verdict.UNUSABLE, None, ()),
        (4, "Dr. A", Verdict.AGREE, None, ()),
        (4, "Dr. B", Verdict.OTHER_LABEL, "COVID19", ()),
    ):
        said = NewReview(verdict, label, "", boxes)
        site.store.review(site.clinic.id, image, reader, said)
    return site


def run(site: Site, *arguments) -> str:
    environment = {"CXR_URL": site.address, "CXR_TOKEN": TOKEN}
    done = CliRunner().invoke(main, [*map(str, arguments)], env=environment)
    assert done.exit_code == 0, done.output
    return done.output


def test_reviews_become_data_that_a_model_is_measured_with(reviewed, tmp_path):
    out = tmp_path / "data"
    said = run(reviewed, "reviews", "export", 1, "--out", out)
    assert "2 films (NORMAL 1, PNEUMONIA 1), 1 boxes" in said
    assert "2 left out" in said

    samples = read_manifest(out / "manifest.csv", CLASSES)
    assert [(one.label, one.split, one.second_reading) for one in samples] == [
        ("PNEUMONIA", "test", "PNEUMONIA"),
        ("NORMAL", "test", "COVID19"),
    ]
    assert len({one.patient for one in samples}) == 2
    film = decode(samples[0].path).pixels
    assert max(film.shape) >= 400

    ((path, (box,)),) = read_findings(out).items()
    assert path == samples[0].path
    assert [box.left, box.top, box.right, box.bottom] == pytest.approx([0.125, 0.25, 0.375, 0.75])
    drawn = finding_map(samples[0], [box], film.shape, 8, WHOLE)
    assert drawn[2:6, 1:3] == pytest.approx(np.ones((4, 2)), abs=0.2)
    assert drawn.sum() < 12


def test_one_reader_s_reviews_alone(reviewed, tmp_path):
    said = run(
        reviewed, "reviews", "export", 1, "--out", tmp_path / "b", "--reader", "Dr. B",
        "--split", "train", "--source", "clinic",
    )  # fmt: skip
    assert "2 films (COVID19 1, NORMAL 1)" in said
    samples = read_manifest(tmp_path / "b" / "manifest.csv", CLASSES)
    assert {(one.split, one.source) for one in samples} == {("train", "clinic")}
    assert read_findings(tmp_path / "b") == {}
