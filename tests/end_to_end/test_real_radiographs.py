"""200 real X-rays through the page's own API: a browser's session, the real system behind it."""

from contextlib import ExitStack

import httpx
import numpy as np
import pytest

from model.artifact import load_artifact
from tests.support.access import signed_in_client
from tests.support.waiting import wait_for

COUNT = 200


@pytest.fixture(scope="module")
def samples(training_data) -> list:
    from training.data.manifest import read_data
    from training.data.samples import Classes
    from training.data.splits import of_split

    tested = of_split(read_data(training_data, Classes(load_artifact().labels)), "test")
    return [tested[n] for n in np.random.default_rng(3).permutation(len(tested))[:COUNT]]


@pytest.fixture(scope="module")
def page(stack) -> httpx.Client:
    """A browser that has signed in: a cookie, no token."""
    return signed_in_client(stack.url, stack.token)


@pytest.fixture(scope="module")
def images(page, samples) -> list[dict]:
    """Their results, in upload order."""
    with ExitStack() as opened:
        files = [
            ("files", (f"{number}.jpg", opened.enter_context(sample.path.open("rb"))))
            for number, sample in enumerate(samples)
        ]
        accepted = page.post("/api/v1/jobs", files=files)
    assert accepted.status_code == 202, accepted.text
    job = accepted.headers["Location"]
    wait_for(lambda: page.get(job).json()["status"] == "complete", timeout_s=180, every_s=0.5)
    found, cursor = [], None
    while True:
        query = {"limit": 50} | ({"cursor": cursor} if cursor else {})
        answer = page.get(f"{job}/images", params=query).json()
        found += answer["items"]
        cursor = answer["next_cursor"]
        if not cursor:
            return found


def test_every_image_gets_a_result_in_upload_order(images):
    assert [image["filename"] for image in images] == [f"{n}.jpg" for n in range(COUNT)]
    refused = [image for image in images if image["status"] != "done"]
    assert len(refused) <= COUNT // 50, refused  # the gate lets 2 % go, no more
    assert all(image["reason"] == "not_a_chest_xray" for image in refused)


def test_labels_are_in_the_right_order(images, samples):
    done = [
        (image["result"], s) for image, s in zip(images, samples, strict=True) if image["result"]
    ]
    for result, _ in done:
        probabilities = result["probabilities"]
        assert tuple(probabilities) == load_artifact().labels
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-3)
        assert result["label"] == max(probabilities, key=probabilities.get)
    # With two labels exchanged, fewer than half would be right.
    assert np.mean([result["label"] == sample.label for result, sample in done]) > 0.85


def test_every_attention_map_says_something(page, images):
    for image in images:
        if image["status"] == "done":
            grid = np.array(page.get(f"/api/v1/images/{image['id']}/attention.json").json()["grid"])
            assert grid.ndim == 2
            assert np.ptp(grid) > 0.01, image["filename"]
