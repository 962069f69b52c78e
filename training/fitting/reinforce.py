"""Learning where to look by reward: REINFORCE (Williams 1992) with a baseline.

A choice of one position has no gradient. So, as Mnih et al. 2014 (Recurrent models of visual
attention, arXiv 1406.6247, section 3.1) do, a position is drawn by chance, the network is rewarded
with 1 when its answer is right, and the probability of that position rises by how much better the
reward was than what a baseline expected of this image. Everything else learns by its gradient.

Keras calls `compute_loss` in its training step whatever it runs on: nothing here is TensorFlow's.
"""

import keras
from keras import ops

from model.networks.network import Policy

# What the parts cost beside the cross-entropy. The entropy keeps the policy from settling on one
# position before it has tried the others.
POLICY, BASELINE, ENTROPY = 1.0, 0.5, 0.02


class Reinforced(keras.Model):
    """Outputs: probabilities (N, K), logits of the positions (N, P), the position taken (N, P)
    one-hot, and the reward that the baseline expects (N, 1)."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        probabilities, logits, taken, expected = y_pred
        loss = super().compute_loss(x, y, probabilities, sample_weight, training)
        # In validation the loss is the cross-entropy and nothing else.
        return loss + reinforcement(y, probabilities, logits, taken, expected) if training else loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred[0], sample_weight)


def reinforced(network: keras.Model, policy: Policy) -> keras.Model:
    """A model to fit, which shares its weights with `network`."""
    cells, logits, taken = (
        network.get_layer(name).output for name in (policy.cells, policy.scores, policy.position)
    )
    # The baseline learns from what is seen, but must not change how it is seen.
    seen = ops.stop_gradient(keras.layers.GlobalAveragePooling2D(dtype="float32")(cells))
    expected = keras.layers.Dense(1, dtype="float32", name="expected_reward")(seen)
    return Reinforced(network.inputs, [network.outputs[0], logits, taken, expected])


def reinforcement(truth, probabilities, logits, taken, expected):
    """A number: what is added to the loss of a batch. truth: (N, K), rows sum to 1."""
    answer = ops.one_hot(ops.argmax(probabilities, axis=-1), ops.shape(probabilities)[-1])
    reward = ops.stop_gradient(ops.sum(answer * ops.cast(truth, answer.dtype), axis=-1))
    expected = ops.squeeze(expected, axis=-1)
    advantage = ops.stop_gradient(reward - expected)
    log_policy = ops.log_softmax(logits, axis=-1)
    chance = ops.sum(log_policy * ops.stop_gradient(taken), axis=-1)
    entropy = -ops.sum(ops.exp(log_policy) * log_policy, axis=-1)
    return ops.mean(
        -POLICY * advantage * chance + BASELINE * ops.square(reward - expected) - ENTROPY * entropy
    )
