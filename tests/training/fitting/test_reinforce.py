"""REINFORCE: the policy finds the place that is rewarded, and its loss is what the paper says."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import ops  # noqa: E402

from model.networks import NETWORKS, build  # noqa: E402
from model.networks.hard_attention import Position  # noqa: E402
from model.networks.network import Policy  # noqa: E402
from training.fitting.reinforce import (  # noqa: E402
    BASELINE,
    ENTROPY,
    POLICY,
    reinforced,
    reinforcement,
)


def test_the_loss_by_hand():
    truth = np.array([[1, 0], [0, 1]], np.float32)
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2]], np.float32)  # right, wrong
    logits = np.log(np.array([[0.25, 0.75], [0.5, 0.5]], np.float32))
    taken = np.array([[0, 1], [1, 0]], np.float32)
    expected = np.array([[0.6], [0.3]], np.float32)

    found = float(reinforcement(truth, probabilities, logits, taken, expected))

    policy = -np.mean([0.4 * np.log(0.75), -0.3 * np.log(0.5)])
    baseline = np.mean([0.4**2, 0.3**2])
    entropy = -np.mean([0.25 * np.log(0.25) + 0.75 * np.log(0.75), np.log(0.5)])
    by_hand = POLICY * policy + BASELINE * baseline - ENTROPY * entropy
    assert found == pytest.approx(by_hand, abs=1e-6)


def test_the_policy_finds_where_the_answer_is():
    """Of four places of an input one holds the class, and the glance says which one."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1, 4, 2))  # four places, each with (the class or noise, a sign)
    values, signs = inputs[:, 0, :, 0], inputs[:, :, :, 1:]
    cells = keras.layers.Identity(name="cells")(keras.layers.Permute((1, 2, 3))(signs))
    scores = keras.layers.Dense(4, name="scores")(keras.layers.Flatten()(cells))
    taken = Position(name="taken")(scores)
    read = ops.sum(values * taken, axis=-1, keepdims=True)
    answer = keras.layers.Dense(2, activation="softmax", name="probabilities")(read)
    network = keras.Model(inputs, [answer, taken])

    random = np.random.default_rng(0)
    place, kind = random.integers(0, 4, 512), random.integers(0, 2, 512)
    data = np.zeros((512, 1, 4, 2), np.float32)
    data[..., 0] = random.normal(0, 1, (512, 1, 4))
    data[range(512), 0, place, 0] = 2.0 * kind - 1
    data[range(512), 0, place, 1] = 1
    learner = reinforced(network, Policy("scores", "taken", "cells"))
    learner.compile(keras.optimizers.Adam(0.03), "categorical_crossentropy", metrics=["accuracy"])
    truth = np.eye(2, dtype=np.float32)[kind]
    before = (np.asarray(network(data)[1]).argmax(axis=1) == place).mean()
    learner.fit(data, truth, 64, epochs=25, verbose=0)

    after = (np.asarray(network(data)[1]).argmax(axis=1) == place).mean()
    assert before < 0.7
    assert after > 0.9
    assert learner.evaluate(data, truth, verbose=0, return_dict=True)["accuracy"] > 0.9


def test_validation_is_the_cross_entropy_alone():
    network = build("hard_attention", {"size": 64})
    learner = reinforced(network, NETWORKS["hard_attention"].policy)
    learner.compile("adam", "categorical_crossentropy", run_eagerly=True)
    images = np.random.default_rng(0).normal(0, 60, (4, 64, 64, 3)).astype(np.float32)
    truth = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    said = np.asarray(network(images)[0])

    found = learner.evaluate(images, truth, verbose=0)
    assert found == pytest.approx(-np.log((said * truth).sum(axis=1)).mean(), rel=1e-4)
