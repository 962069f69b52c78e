"""An interrupted run ends as it would have without the interruption, or says why it cannot."""

import csv
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.support.recipes import TINY  # noqa: E402
from training.data.samples import Sample  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.fitting.checkpoint import KeepWhole  # noqa: E402
from training.fitting.learner import callbacks  # noqa: E402
from training.fitting.resuming import (  # noqa: E402
    CHECKPOINT,
    HISTORY,
    check_resumed,
    is_over,
    losses,
    write_begun,
)

IMPATIENT = replace(TINY, epochs=12, patience=5, plateau=0.5, plateau_patience=2, cosine=False)
SAMPLES = [Sample(Path("a.png"), "NORMAL", "train", "p", "s")]


class Interrupted(Exception):
    pass


def fit(out: Path, interrupted_after: int | None = None) -> None:
    """Teach a network the opposite of what it is judged by, so that no epoch beats the first."""

    def interrupt(epoch, _):
        if epoch == interrupted_after:
            raise Interrupted

    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    network, whole = (
        keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name=name)(inputs)) for name in "ab"
    )
    network.compile(keras.optimizers.AdamW(0.1), "binary_crossentropy")
    images = np.eye(2, dtype=np.float32)
    keep = KeepWhole(network, whole, out)
    network.fit(
        *(images, np.array([0, 1])),
        validation_data=(images, np.array([1, 0])),
        epochs=IMPATIENT.epochs,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_begin=interrupt),
            *callbacks(IMPATIENT, out, keep, losses(out)),
        ],
        verbose=0,
    )


def history(out: Path) -> list[dict[str, str]]:
    with (out / HISTORY).open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_a_resumed_run_is_slowed_and_stopped_as_if_it_had_not_been_interrupted(tmp_path, epoch):
    (tmp_path / "whole").mkdir()
    fit(tmp_path / "whole")
    (tmp_path / "parts").mkdir()
    with pytest.raises(Interrupted):
        fit(tmp_path / "parts", interrupted_after=epoch)
    fit(tmp_path / "parts")

    rates = [float(row["learning_rate"]) for row in history(tmp_path / "whole")]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.025])  # and then patience ended
    assert history(tmp_path / "parts") == history(tmp_path / "whole")


def test_a_checkpoint_that_was_cut_off_gives_way_to_the_one_before(tmp_path):
    """As when the power fails while the third is written, and its epoch is in no history yet."""
    with pytest.raises(Interrupted):
        fit(tmp_path, interrupted_after=3)
    file = tmp_path / CHECKPOINT / "latest.weights.h5"
    file.write_bytes(file.read_bytes()[:100])
    rows = (tmp_path / HISTORY).read_text().splitlines(keepends=True)
    (tmp_path / HISTORY).write_text("".join(rows[:-1]))
    fit(tmp_path)
    assert [row["epoch"] for row in history(tmp_path)] == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("earlier", "over"),
    [
        ([], False),
        ([0.5] * 5, False),
        ([0.5] * 6, True),
        ([0.5] * 5 + [0.4, nan], False),
        ([float(n) for n in range(12, 0, -1)], True),
    ],
)
def test_a_run_is_over_after_its_epochs_or_its_patience(earlier, over):
    assert is_over(earlier, IMPATIENT) == over


def test_a_run_that_was_begun_with_something_else_is_not_resumed(tmp_path):
    write_begun(tmp_path, IMPATIENT, SAMPLES)
    check_resumed(tmp_path, IMPATIENT, SAMPLES)
    check_resumed(tmp_path, replace(IMPATIENT, epochs=20), SAMPLES)
    other = replace(IMPATIENT, batch=7, data=replace(IMPATIENT.data, column="article"))
    with pytest.raises(TrainingError, match=r"batch = 64 \(now 7\), data\.column = split"):
        check_resumed(tmp_path, other, SAMPLES)
    with pytest.raises(TrainingError, match="other images"):
        check_resumed(tmp_path, IMPATIENT, [replace(SAMPLES[0], label="COVID19")])


def test_epochs_that_the_learning_rate_follows_stay(tmp_path):
    falling = replace(IMPATIENT, cosine=True)
    write_begun(tmp_path, falling, SAMPLES)
    with pytest.raises(TrainingError, match=r"epochs = 12 \(now 20\)"):
        check_resumed(tmp_path, replace(falling, epochs=20), SAMPLES)


def test_a_checkpoint_of_unknown_origin_is_not_resumed(tmp_path):
    check_resumed(tmp_path, IMPATIENT, SAMPLES)  # nothing there yet
    (tmp_path / CHECKPOINT).mkdir()
    with pytest.raises(TrainingError, match=r"no begun\.json"):
        check_resumed(tmp_path, IMPATIENT, SAMPLES)
