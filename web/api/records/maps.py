"""Maps of a result."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from model.evidence import Kind
from web.api.records.record import Record, rounded


class Box(Record):
    """The part of the X-ray that the network saw, as fractions (0 to 1) of width and height."""

    left: float
    top: float
    right: float
    bottom: float


def as_box(sides: Any) -> Any:
    if isinstance(sides, tuple):
        return dict(zip(("left", "top", "right", "bottom"), sides, strict=True))
    return sides


class MapSummary(Record):
    """A map of a result, as a grid over `box`."""

    name: Annotated[str, Field(examples=["attention"])]
    kind: Kind
    """`attention`: where the network looked, 0 to 1. `evidence`: what each place adds to one label
    (`evidence_COVID19` and so on), signed: over 0 speaks for it, under 0 for the other labels.
    """
    unit: str | None
    """Of the values. `log probability per cell`: summed over the whole map of a label, and with a
    constant of the model, its log probability (natural) less the mean of all labels'. Exact unless
    a part of the frame lay beyond the film's edge.
    """
    height: int
    """Rows of the grid."""
    width: int
    """Columns of the grid."""
    box: Annotated[Box, BeforeValidator(as_box)]
    model: str
    """The model whose result it belongs to."""


class MapLinks(Record):
    grid: Annotated[str, Field(examples=["/api/v1/images/91/maps/attention.json"])]
    """The map as numbers."""
    picture: Annotated[str, Field(examples=["/api/v1/images/91/maps/attention.png"])]
    """The map over the X-ray; add `?opacity=`."""


class MapListed(MapSummary):
    """A map, and where to get it."""

    links: MapLinks


class MapList(Record):
    """The maps of an image's result, the main one first."""

    items: list[MapListed]


class Map(MapSummary):
    """A map as numbers, row by row."""

    grid: list[list[Annotated[float, rounded(5)]]]
