"""Small charts as geometry; the template draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from web.language.asked import translations
from web.showing.labels import label_name
from worker.records.jobs import Pace

WIDTH, BAR_AREA, TEXT_HEIGHT = 260, 56, 16  # units of the drawing
GAP = 2
HUES = 8  # in base.css
MIN_FINISHED, MIN_S = 20, 2  # images, seconds


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    hue: int


@dataclass(frozen=True)
class Share:
    name: str
    count: int
    percent: int
    hue: int


@dataclass(frozen=True)
class Distribution:
    """Columns by probability of the result, each stacked by label; `shares` by label."""

    bars: Sequence[Bar]
    shares: Sequence[Share]
    total: int
    width: int = WIDTH
    height: int = BAR_AREA + TEXT_HEIGHT
    base: int = BAR_AREA


@dataclass(frozen=True)
class Speed:
    """Columns by time, from the first image that was finished to the last. highest: images per
    second. seconds: of the whole."""

    bars: Sequence[Bar]
    highest: float
    seconds: float
    width: int = WIDTH
    height: int = BAR_AREA + TEXT_HEIGHT
    base: int = BAR_AREA


def speed(pace: Pace | None) -> Speed | None:
    """None where too little was done for a chart to tell anything."""
    if pace is None or sum(pace.counts) < MIN_FINISHED or pace.seconds * len(pace.counts) < MIN_S:
        return None
    parts, most = len(pace.counts), max(pace.counts)
    bars = []
    for place, count in enumerate(pace.counts):
        height = round(BAR_AREA * count / most, 2)
        left, width = place * WIDTH / parts, WIDTH / parts - GAP / 2
        bars.append(Bar(round(left, 2), BAR_AREA - height, round(width, 2), height, hue=0))
    return Speed(bars, most / pace.seconds, pace.seconds * parts)


def distribution(labels: Sequence[str], histogram: Mapping[str, Sequence[int]]) -> Distribution:
    """labels: in the model's order. histogram: by label, counts by probability, low to high."""
    known = [(place % HUES, label, histogram.get(label, ())) for place, label in enumerate(labels)]
    bins = max((len(counts) for _, _, counts in known), default=0)
    columns = [sum(counts[at] for _, _, counts in known if counts) for at in range(bins)]
    total, highest = sum(columns), max(columns, default=0)
    bars = []
    for at in range(bins):
        top = float(BAR_AREA)
        for hue, _, counts in known:
            if not counts or not counts[at]:
                continue
            height = BAR_AREA * counts[at] / highest
            top -= height
            width = WIDTH / bins - GAP
            bars.append(
                Bar(at * WIDTH / bins + GAP / 2, round(top, 2), width, round(height, 2), hue)
            )
    words = translations()
    shares = [
        Share(
            words.gettext(label_name(label)),
            sum(counts),
            round(100 * sum(counts) / (total or 1)),
            hue,
        )
        for hue, label, counts in known
    ]
    return Distribution(bars, shares, total)
