"""Fit the gate on the manifest's chests and on other pictures, and print how good it is."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from model.gate.features import THUMB, measure
from model.gate.frontal import SHAPE, FrontalModel
from model.reading.radiograph import decode
from training.data.mistakes import LAST
from training.gate.chests import as_sent
from training.gate.mistakes import Mistakes
from training.gate.negatives import CHEST_KINDS, KINDS
from training.measure.intervals import wilson

COMPONENTS = 80
MEMBERS = 3
HIDDEN = 32
WEIGHT_DECAY = 0.1
VARIANTS = 2  # of each chest
REFUSED_ON_VAL = 0.003  # share of the chests of `val` that the threshold lets go
PER_KIND = {"train": 700, "val": 20, "test": 200}
LATERAL = "lateral"  # as the data name the kind
SEEDS = {"train": 1, "val": 2, "test": 3}


@dataclass(frozen=True)
class Measured:
    """Features of one split: P chests, V variants of them (`chests.as_sent`), N other pictures."""

    chests: np.ndarray  # (P, D)
    sources: np.ndarray  # (P,) names
    variants: np.ndarray  # (V, D)
    others: np.ndarray  # (N, D)
    kinds: np.ndarray  # (N,) names


def chests_of(folder: Path, split: str) -> tuple[list[np.ndarray], list[str]]:
    """The pixels and the sources of a split of the manifest."""
    with (folder / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [decode(folder / row["path"]).pixels for row in rows], [row["source"] for row in rows]


def mean_chest(folder: Path, every: int = 5) -> np.ndarray:
    """(THUMB, THUMB) float32, mean 0, deviation 1: what decides the polarity of a picture."""
    neutral = np.zeros((THUMB, THUMB), np.float32)
    pictures, _ = chests_of(folder, "train")
    thumbs = [measure(picture, neutral)[: THUMB * THUMB] for picture in pictures[::every]]
    mean = np.mean(thumbs, axis=0).reshape(THUMB, THUMB)
    return ((mean - mean.mean()) / mean.std()).astype(np.float32)


def gather(folder: Path, split: str, template: np.ndarray) -> Measured:
    random = np.random.default_rng(SEEDS[split])
    pictures, sources = chests_of(folder, split)
    others, kinds = [], []
    for kind, make in KINDS.items():
        for _ in range(PER_KIND[split]):
            picture = make(random, split)
            others.append(measure(1 - picture if random.random() < 0.2 else picture, template))
            kinds.append(kind)
    for kind, make in CHEST_KINDS.items():
        for _ in range(2 * PER_KIND[split]):
            picture = make(random, pictures[int(random.integers(len(pictures)))])
            others.append(measure(picture, template))
            kinds.append(kind)
    return Measured(
        chests=np.stack([measure(picture, template) for picture in pictures]),
        sources=np.array(sources),
        variants=np.stack(
            [
                measure(as_sent(random, picture), template)
                for picture in pictures
                for _ in range(VARIANTS)
            ]
        ),
        others=np.stack(others),
        kinds=np.array(kinds),
    )


def with_mistakes(train: Measured, mistakes: Mistakes, held_out: int = LAST) -> Measured:
    """The same, with all blocks but one of the medical pictures among the others."""
    features, kinds = mistakes.fitted_on(held_out)
    return replace(
        train,
        others=np.concatenate([train.others, features]),
        kinds=np.concatenate([train.kinds, kinds]),
    )


def fit(
    train: Measured, val: Measured, template: np.ndarray, version: str = "unreleased"
) -> FrontalModel:
    """Principal components of the chests, then small networks on what they leave over.

    The direction that tells laterals from the rest of the others is fitted when there are any.
    """
    chests = np.concatenate([train.chests, train.variants])
    mean, scale = chests.mean(axis=0), chests.std(axis=0) + 0.05
    shape = np.clip((chests - mean)[:, :SHAPE] / scale[:SHAPE], -6, 6)
    _, singular, directions = np.linalg.svd(shape, full_matrices=False)
    unit = np.ones(1, np.float32)
    model = FrontalModel(
        template=template,
        mean=mean,
        scale=scale,
        # Rounded here, not on saving, so that what is measured is what is shipped.
        components=directions[:COMPONENTS].T.astype(np.float16),
        variances=singular[:COMPONENTS] ** 2 / len(shape),
        inner_mean=unit * 0,
        inner_scale=unit,
        hidden=unit,
        hidden_bias=unit,
        out=unit,
        out_bias=unit,
        threshold=unit,
        lateral=unit,
        lateral_bias=unit,
        version=version,
    )
    inner = model.inner(chests)
    model = replace(model, inner_mean=inner.mean(axis=0), inner_scale=inner.std(axis=0) + 1e-6)
    values = model.standardised(np.concatenate([inner, model.inner(train.others)]))
    wanted = np.repeat([1, 0], [len(chests), len(train.others)])
    members = [
        MLPClassifier((HIDDEN,), alpha=WEIGHT_DECAY, max_iter=60, random_state=seed)
        for seed in range(MEMBERS)
    ]
    for member in members:
        member.fit(values, wanted)
    model = replace(
        model,
        hidden=np.stack([member.coefs_[0] for member in members]),
        hidden_bias=np.stack([member.intercepts_[0] for member in members]),
        out=np.stack([member.coefs_[1][:, 0] for member in members]),
        out_bias=np.stack([member.intercepts_[1][0] for member in members]),
    )
    model = _with_lateral(model, model.inner(train.others), train.kinds == LATERAL)
    known = model.scores(np.concatenate([val.chests, val.variants]))
    return replace(model, threshold=np.float32(np.quantile(known, REFUSED_ON_VAL)))


def _with_lateral(model: FrontalModel, inner: np.ndarray, lateral: np.ndarray) -> FrontalModel:
    if not lateral.any():
        never = np.zeros(inner.shape[1])
        return replace(model, lateral=never, lateral_bias=np.float32(-1e3))
    told = LogisticRegression(C=0.03, class_weight="balanced", max_iter=300)
    told.fit(model.standardised(inner), lateral)
    return replace(model, lateral=told.coef_[0], lateral_bias=np.float32(told.intercept_[0]))


def report_mistakes(name: str, model: FrontalModel, mistakes: Mistakes, shown: np.ndarray) -> None:
    """Print the shares of medical pictures refused, and of refused ones that are called lateral.

    shown: (M,) bool, the pictures to count: none that the model was fitted on.
    """
    print(f"\n{name}")
    refused, called = model.refuses(mistakes.plain), model.calls_lateral(mistakes.plain)
    for kind in np.unique(mistakes.kinds):
        of_kind = shown & (mistakes.kinds == kind)
        print_share(kind, refused[of_kind])
        print_share("  lateral?", called[of_kind & refused])


def report(model: FrontalModel, test: Measured) -> None:
    """Print the shares of wrongly refused chests and of refused other pictures."""
    print("Chests of `test` wrongly refused (95 % Wilson interval)")
    refused = model.refuses(test.chests)
    for source in np.unique(test.sources):
        print_share(source, refused[test.sources == source])
    print_share("all", refused)
    print_share("variants", model.refuses(test.variants))
    print("\nOther pictures refused")
    refused = model.refuses(test.others)
    for kind in [*KINDS, *CHEST_KINDS]:
        print_share(kind, refused[test.kinds == kind])
    print_share("all", refused)


def without(measured: Measured, kind: str) -> Measured:
    kept = measured.kinds != kind
    return replace(measured, others=measured.others[kept], kinds=measured.kinds[kept])


def print_share(name: str, hits: np.ndarray) -> None:
    n, found = len(hits), wilson(int(hits.sum()), len(hits))
    print(
        f"  {name:12} {hits.sum():5} of {n:5}  {found.value:7.2%}  "
        f"[{found.low:.2%}, {found.high:.2%}]",
        flush=True,
    )
