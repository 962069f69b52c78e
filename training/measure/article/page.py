"""The page docs/article.md: the table of the article's networks, and what came of the claim."""

from collections.abc import Sequence

from training.errors import TrainingError
from training.measure.article.table import INSIDE, Measured, right, table
from training.measure.intervals import wilson

RECIPES = (
    "article",
    "article_without_attention",
    "article_four_classes",
    "article_learn_to_pay_attention",
    "article_hard_attention",
)

# What the command writes lies between these lines of the page; the rest is written by people.
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def page(text: str, found: Sequence[Measured]) -> str:
    """The page's text with its measured part replaced. Raises TrainingError without such a part."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise TrainingError(f"The page has no lines {BEGIN} and {END}.")
    return "\n".join((before + BEGIN, measured(found), END + after))


def measured(found: Sequence[Measured]) -> str:
    """Markdown: the table, what came of the claim, what is missing."""
    parts = [_how(found), table(found), "", claim(found), ""]
    missing = [name for name in RECIPES if name not in {one.run.name for one in found}]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        parts += [f"Not trained yet, and so not in the table: {names}.", ""]
    return "\n".join(parts)


def claim(found: Sequence[Measured]) -> str:
    """What came of the article's claim, in the figures that were measured."""
    sentences = ["## What came of the claim\n"]
    perfect = wilson(3, 3)
    sentences.append(
        "The article's 100 % was measured on 3 images (batches of 1, of which ceil(27/10) were "
        f"asked for). 3 of 3 mean no more than {perfect.low:.0%} or better."
    )
    for one in found:
        count, of = right(one.own), len(one.own.samples)
        around = wilson(count, of)
        sentences.append(
            f"`{one.run.name}` has {count} of {of} right ({around.low:.0%}-{around.high:.0%})."
        )
    by_name = {one.run.name: one for one in found}
    soft, none = (by_name.get(name) for name in RECIPES[:2])
    if soft and none:
        with_, without = (one.figures["figures"]["accuracy"] for one in (soft, none))
        apart = with_["low"] > without["high"] or without["low"] > with_["high"]
        more = "more" if with_["value"] > without["value"] else "less"
        sentences.append(
            f"On all other data the network with attention is right {with_['value']:.0%} of the "
            f"time, the one without {without['value']:.0%}: {more}, and the intervals "
            f"{'do not overlap' if apart else 'overlap'}. The two differ in their whole head and "
            "rate of learning, as in the article, so this is not the effect of attention alone."
        )
    inside = [
        (source, one.figures["sources"][source]["figures"][f"auroc_{label}"])
        for source, label in INSIDE.items()
        for one in found
        if source in one.figures["sources"]
    ]
    known = [(source, figure) for source, figure in inside if figure["low"] is not None]
    better = [source for source, figure in known if figure["low"] > 0.5]
    if known:
        sentences.append(
            f"Inside one hospital, where the source cannot give the label away, {len(better)} of "
            f"{len(known)} AUROCs in the table are better than chance."
        )
    hard = by_name.get("article_hard_attention")
    if soft and hard:
        worse = (
            hard.figures["figures"]["accuracy"]["value"]
            < (soft.figures["figures"]["accuracy"]["value"])
        )
        sentences.append(
            f"Hard attention trained {'worse' if worse else 'no worse'} than soft attention here."
        )
    return "\n".join(sentences)


def _how(found: Sequence[Measured]) -> str:
    first = found[0].figures
    lungs = first["lung_attention"] or next(
        (one.figures["lung_attention"] for one in found if one.figures["lung_attention"]), None
    )
    masks = f"{lungs['n']} with lung masks" if lungs else "none with lung masks"
    return (
        f"int8 networks, the gate off. All other `test` data: {first['n']} images of "
        f"{first['patients']} patients whom none of these networks knows, {masks}; three classes, "
        "so the two pneumonias of a network of four are added. Intervals are 95 %: Wilson's for "
        "the article's test images, over patients elsewhere. The calibration error is corrected "
        "for its bias. A row `area` is what a map without any idea would reach. The engines are "
        "compared on every fifth of the other images.\n"
    )
