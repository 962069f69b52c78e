"""A recipe: every choice of a training run, in a TOML file that can be read and repeated."""

import inspect
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from model.artifact import checked_labels
from model.errors import ArtifactMismatch
from model.input.preprocess import Preprocessing
from model.input.standardise import Standardisation
from model.networks import network_named
from training.data.augment import Augmentation
from training.data.generator import Generator
from training.data.manifest import ALL_DATA, Choice
from training.data.samples import Classes
from training.errors import TrainingError
from training.fitting.teachers import Teachers

RECIPES = Path(__file__).parents[1] / "recipes"
REQUIRED = ("name", "version", "labels", "architecture")
SHAPE = {"size", "classes"}
TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
# Files that belong to an artifact or a run, not to a recipe.
NOT_KEYS = {"lungs_file", "statistics_file"}


@dataclass(frozen=True)
class Recipe:
    """name, version: what the artifact is called.

    labels: the K classes, in the order of the probabilities; names in the data become labels as
    `training.data.samples.Classes` says. ignored_labels: names in the data that are left out.
    data: which of the data, and how they are split (`training.data.manifest.Choice`).
    architecture, config: a network of `model.networks` and options of its constructor; `size` and
    `classes` follow from the preprocessing and the labels.
    preprocessing: what differs from the network's own.
    augmentation: what a hospital could have changed (`training.data.augment`). generator: the
    article's changes (`training.data.generator`) in its place.
    copies: augmented copies of each training image, whose features are computed once and kept.
    fresh: change every image anew in each epoch instead, and keep no features.
    plain: train on the images as they are served, too; without copies this must be so. Does not
    matter where images are fresh.
    fine_tune: train ImageNet's layers behind the frozen ones, too, or only what comes after them.
    thaw: train the frozen ones as well. Only where images are fresh.
    lungs: what the share of the attention outside the lungs costs, beside the cross-entropy; 0 lets
    the network look anywhere. Needs lung masks of some images (`training.fitting.lungs`).
    findings: what the map's distance from radiologists' boxes costs, beside the cross-entropy
    (`training.fitting.findings`); 0 leaves it free. Not together with `lungs`.
    soften: believe second readings that contradict a label by half (`training.data.truth`).
    unsure: learn from the films of `unsure.csv`, too.
    teachers: other recipes, whose networks are trained first and tell what each film is taught as
    (`training.fitting.teachers`).
    balance_sources: weigh classes and sources as `training.data.weighting.sample_weights` does.
    within_sources: weigh so that the source does not tell the label (`weights_within_sources`).
    precision: a dtype policy of Keras. bfloat16 halves the time of VGG's large convolutions where
    the processor has it, and doubles that of depthwise ones.
    average: momentum (0..1) of the moving average of the weights that is kept instead of the last
    ones (Izmailov et al. 2018, arXiv 1803.05407: flatter minima hold better elsewhere); 0 keeps the
    last.
    cosine: let the learning rate rise over the first tenth of the run and fall along a cosine after
    that (Loshchilov and Hutter 2017, arXiv 1608.03983), instead of dividing it on a plateau.
    patience: epochs without a better validation loss before the run stops.
    plateau, plateau_patience: without `cosine`, what the learning rate is multiplied by after so
    many epochs without a better validation loss; 0 epochs: a third of `patience`.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    architecture: str
    preprocessing: Preprocessing
    ignored_labels: tuple[str, ...] = ()
    data: Choice = ALL_DATA
    config: dict[str, Any] = field(default_factory=dict)
    augmentation: Augmentation = field(default_factory=Augmentation)
    generator: Generator | None = None
    copies: int = 0
    fresh: bool = False
    plain: bool = True
    fine_tune: bool = True
    thaw: bool = False
    lungs: float = 0.0
    findings: float = 0.0
    soften: bool = False
    unsure: bool = False
    teachers: Teachers = field(default_factory=Teachers)
    balance_sources: bool = True
    within_sources: bool = False
    epochs: int = 20
    batch: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    label_smoothing: float = 0.06
    precision: str = "mixed_bfloat16"
    average: float = 0.0
    cosine: bool = False
    patience: int = 6
    plateau: float = 1 / 3
    plateau_patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.plain or self.copies or self.fresh):
            raise TrainingError(f"The recipe {self.name} has neither plain images nor copies.")
        if self.fresh and self.copies:
            raise TrainingError(
                f"The recipe {self.name} asks for fresh images in each epoch and for copies that "
                "are kept. Choose one of `fresh` and `copies`."
            )
        if self.thaw and not (self.fresh and self.fine_tune):
            raise TrainingError(
                f"The recipe {self.name} trains all layers (`thaw`), whose features cannot be "
                "kept. Set `fresh` to true, and do not set `fine_tune` to false."
            )
        taught = [name for name in ("lungs", "findings") if getattr(self, name)]
        if taught and self.generator:
            raise TrainingError(
                f"The recipe {self.name} teaches the map with `{taught[0]}`, which does not go "
                "with [generator]."
            )
        if self.lungs and self.fresh:
            raise TrainingError(
                f"The recipe {self.name} keeps the map to the lungs (`lungs`) of images that are "
                "kept, which does not go with `fresh`."
            )
        if self.lungs and (self.findings or self.preprocessing.frame == "lungs"):
            raise TrainingError(
                f"The recipe {self.name} keeps the map to the lungs (`lungs`), which goes neither "
                "with `findings` nor with the frame `lungs`."
            )

        if not (self.fresh or network_named(self.architecture).frozen_until):
            raise TrainingError(
                f"The features of {self.architecture} cannot be kept. Set `fresh` to true."
            )

    @property
    def classes(self) -> Classes:
        return Classes(self.labels, self.ignored_labels)

    @property
    def network_config(self) -> dict[str, Any]:
        """All constructor arguments of the network."""
        shape = {"size": self.preprocessing.size, "classes": len(self.labels)}
        return {**self.config, **shape}


def load_recipe(name: str) -> Recipe:
    """One of the package's recipes by name, or a TOML file by path. Raises TrainingError."""
    file = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        values = tomllib.loads(file.read_text())
    except FileNotFoundError:
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
        raise TrainingError(f"There is no recipe {name!r}. Known: {known}.") from None
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"The recipe {file} is not TOML: {error}") from error
    try:
        return _recipe(values)
    except (TypeError, ValueError, TrainingError, ArtifactMismatch) as error:
        raise TrainingError(f"The recipe {file} cannot be used: {error}") from error


def on_all_data(recipe: Recipe) -> Recipe:
    """The recipe without its choice of data; its models get a name of their own."""
    return replace(recipe, data=ALL_DATA, name=f"{recipe.name}_all_data")


def _recipe(values: dict[str, Any]) -> Recipe:
    _check_keys(values, _fields(Recipe), "at the top")
    _check_types(values, Recipe, "at the top")
    missing = [name for name in REQUIRED if name not in values]
    if missing:
        raise TrainingError(f"It lacks: {', '.join(missing)}.")
    network = network_named(values["architecture"])
    config = values.get("config", {})
    if SHAPE & config.keys():
        raise TrainingError(
            "It sets size or classes in [config]. "
            "Set size in [preprocessing] and labels at the top instead."
        )
    _check_keys(config, inspect.signature(network.build).parameters.keys() - SHAPE, "in [config]")
    values["labels"] = checked_labels(values["labels"])
    values["ignored_labels"] = tuple(values.get("ignored_labels", ()))
    preprocessing = _table(values, "preprocessing", Preprocessing)
    _table(preprocessing, "standardisation", Standardisation, "preprocessing.standardisation")
    values["preprocessing"] = replace(network.preprocessing, **preprocessing)
    if {"augmentation", "generator"} <= values.keys():
        raise TrainingError("It has both [augmentation] and [generator]. Choose one.")
    values["augmentation"] = Augmentation(**_table(values, "augmentation", Augmentation))
    if "generator" in values:
        values["generator"] = Generator(**_table(values, "generator", Generator))
    choice = _table(values, "data", Choice)
    values["data"] = Choice(**choice | {"ignored": tuple(choice.get("ignored", ()))})
    teachers = _table(values, "teachers", Teachers)
    values["teachers"] = Teachers(**teachers | {"recipes": tuple(teachers.get("recipes", ()))})
    return Recipe(**values)


def _table(values: dict[str, Any], name: str, kind: type, where: str = "") -> dict[str, Any]:
    table = values.get(name, {})
    where = f"in [{where or name}]"
    _check_keys(table, _fields(kind), where)
    _check_types(table, kind, where)
    return table


def _fields(kind: type) -> list[str]:
    return [one.name for one in fields(kind) if one.name not in NOT_KEYS]


def _check_types(table: dict[str, Any], kind: type, where: str) -> None:
    """Raises TrainingError for the first setting whose value is of another type than it needs."""
    for name, expected in get_type_hints(kind).items():
        value = table.get(name)
        if name not in table or expected not in TYPES:
            continue
        right = isinstance(value, bool) == (expected is bool)
        if not (right and isinstance(value, (int, float) if expected is float else expected)):
            raise TrainingError(f"{name} {where} must be {TYPES[expected]}. Received: {value!r}")


def _check_keys(table: Any, known: Iterable[str], where: str) -> None:
    """Raises TrainingError that names every unknown setting, and what it may have been meant as."""
    if not isinstance(table, dict):
        raise TrainingError(f"It needs a table {where}. Received: {table!r}")
    known = list(known)
    unknown = sorted(table.keys() - {*known})
    if unknown:
        meant = [match for name in unknown for match in get_close_matches(name, known, 1)]
        hint = f" Did you mean {', '.join(meant)}?" if meant else ""
        raise TrainingError(f"Unknown settings {where}: {', '.join(unknown)}.{hint}")
