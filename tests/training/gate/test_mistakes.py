"""Pictures sent by mistake are dealt out in blocks of neighbours."""

import numpy as np

from training.gate.mistakes import Mistakes


def test_no_picture_of_the_held_out_block_nor_its_variants_is_fitted_on():
    mistakes = Mistakes(
        kinds=np.array(["lateral"] * 4),
        blocks=np.array([0, 0, 1, 3]),
        plain=np.arange(4.0)[:, None],
        variants=np.array([[0.5], [3.5], [2.5], [3.6]]),
        of=np.array([0, 3, 2, 3]),
    )

    features, kinds = mistakes.fitted_on(held_out=3)

    assert sorted(features.ravel()) == [0.0, 0.5, 1.0, 2.0, 2.5]
    assert len(kinds) == 5
    assert 3.0 not in features
