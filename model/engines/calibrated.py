"""An engine whose probabilities are corrected for one hospital."""

import numpy as np

from model.calibration import Calibration
from model.engines.output import Output
from model.evidence import kind_of


class CalibratedEngine:
    """Around another engine. What an evidence map adds to a logarithm is divided as that is, so
    that its unit stays that of the probabilities; other maps and the features are not touched.
    """

    def __init__(self, engine, calibration: Calibration) -> None:
        self._engine, self._calibration = engine, calibration

    @property
    def batch_size(self) -> int:
        return self._engine.batch_size

    @property
    def computes_elsewhere(self) -> bool:
        return self._engine.computes_elsewhere

    def predict(self, images: np.ndarray) -> Output:
        """See `model.engines.Engine.predict`."""
        output = self._engine.predict(images)
        temperature = np.float32(self._calibration.temperature)
        maps = {
            name: grids / temperature if kind_of(name) == "evidence" else grids
            for name, grids in output.maps.items()
        }
        return Output(self._calibration.of(output.probabilities), maps, output.features)
