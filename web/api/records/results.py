"""What a model, the gate and the file say about an image."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from model.doubt import Reason
from web.api.records.record import Record, rounded


class Triage(Record):
    """The model's operating point for a triage that may miss few."""

    flagged: bool
    """The score reaches the threshold."""
    score: Annotated[float, rounded(6)]
    """Probability of all labels but NORMAL together."""
    threshold: Annotated[float, rounded(6)]
    """Chosen so that 95 % of the ill among the films for validation are flagged; in a hospital that
    training never saw it may be fewer.
    """


class Result(Record):
    """What the model found. Research and triage support, not a diagnosis."""

    label: Annotated[str, Field(examples=["NORMAL"])]
    """The most probable one."""
    probabilities: Annotated[
        dict[str, float],
        Field(examples=[{"COVID19": 0.041, "NORMAL": 0.912, "PNEUMONIA": 0.047}]),
    ]
    """By label, in the model's order; their sum is 1."""
    uncertain: bool
    """Have a person look first."""
    uncertain_reasons: list[Reason]
    """Why. `close_call`: the highest probability is low for this model. `unlike_training`: the
    X-ray is unlike those that the model was trained on. `frame_not_found`: the lungs were not
    found, so the model saw the whole film. Empty in results that are older than this field.
    """
    triage: Triage | None
    """Null when the model has no operating point."""
    suspicion: Annotated[float, rounded(4)]
    """0 to 1: 1 - p(NORMAL), or the highest probability of a model that does not know NORMAL."""
    model: Annotated[str, Field(examples=["efficientnet_attention-2.2.0"])]
    """Name and version."""
    timings_ms: dict[str, float] | None
    """Milliseconds by stage."""


class Gate(Record):
    """The check that an image is a frontal chest X-ray."""

    version: str
    score: float
    """0 to 1; an image below the gate's limit is rejected."""


class Facts(Record):
    """What a file says about its film; null what it does not say."""

    view: Annotated[str | None, Field(examples=["PA"])] = None
    """DICOM's ViewPosition."""
    taken_on: date | None = None
    spacing_mm: Annotated[list[float] | None, Field(examples=[[0.143, 0.143]])] = None
    """Millimetres between the file's rows and between its columns."""
    spacing_at: Literal["detector", "patient"] | None = None
    """Where the spacing was measured: at the detector, shadows are larger than the patient."""
    burned_in_text: Literal["yes", "likely", "unlikely", "no", "unknown"] = "unknown"
    """Whether the picture itself holds text, which may name the patient. `yes` and `no`: as DICOM's
    BurnedInAnnotation says. `likely` and `unlikely`: as its pixels look, whatever the file says of
    there being none. `unknown`: of results that are older than this field."""
    text_boxes: list[Annotated[list[float], Field(examples=[[0.01, 0.01, 0.3, 0.05]])]] = []
    """Where text seems to be: left, top, right and bottom, 0 to 1 of the X-ray."""
    text_hidden: bool = False
    """Whether pictures of the X-ray are black in those places, as the clinic's profile demands."""

    @model_validator(mode="before")
    @classmethod
    def _with_text(cls, kept: dict[str, Any]) -> dict[str, Any]:
        said, boxes = kept.get("burned_in_text"), kept.get("text_boxes")
        if said or boxes:
            text = "yes" if said else "likely"
        elif said is None:
            text = "unknown" if boxes is None else "unlikely"
        else:
            text = "no"
        return kept | {"burned_in_text": text}
