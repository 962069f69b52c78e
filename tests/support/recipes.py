"""A recipe that tests of images share."""

from model.input.preprocess import Preprocessing
from tests.support.toys import LABELS, SIZE
from training.data.generator import Generator
from training.fitting.recipe import Recipe

TINY = Recipe(
    name="tiny",
    version="0.1.0",
    architecture="vgg_attention",
    labels=LABELS,
    preprocessing=Preprocessing(size=SIZE, border=0.0),
    generator=Generator(rotation_range=50, horizontal_flip=True),
)
