"""Pictures: their size, and the opacity of a map."""

from typing import Annotated

from pydantic import Field

from web.api.inputs.fields import Query, Share


class PictureQuery(Query):
    max_side: Annotated[int, Field(ge=32, le=4096)] = 512
    """Longest side in pixels; a picture is never enlarged."""


class SmallPictureQuery(Query):
    max_side: Annotated[int | None, Field(ge=32, le=1024)] = None
    """Longest side in pixels; a picture is never enlarged. Without it, as it was saved."""


class OverlayQuery(PictureQuery):
    opacity: Share = 0.4
    """Of the map: 0 hides it, 1 hides the X-ray where the map is greatest."""
