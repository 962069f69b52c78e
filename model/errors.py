"""What can go wrong with an image or a model; messages say what was received and what to do.

A `Rejection` is a result about one image: its `code` is stable and meant for programs, its message
is one or two sentences for the person who uploaded the file. Messages never hold a file's path, a
patient's data or the text of a library's own exception.
"""

from model.scores import GateScore


class ModelError(Exception):
    """Root of every error that the package `model` raises on purpose."""


class Rejection(ModelError):
    """Raised when an image gets the result `rejected`: the file is at fault, not the service."""

    code = "rejected"
    gate: GateScore | None = None

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class UnreadableImage(Rejection):
    """Raised when a file is empty, damaged, or holds no usable picture."""

    code = "unreadable"


class UnsupportedFormat(Rejection):
    """Raised when a file has no accepted format, or has one but is not an X-ray."""

    code = "unsupported_format"


class ImageTooSmall(Rejection):
    """Raised when a side of the image has too few pixels to be judged."""

    code = "too_small"


class ImageTooLarge(Rejection):
    """Raised when an image has more pixels than the decoder accepts."""

    code = "too_large"


class BlankImage(Rejection):
    """Raised when an image shows next to nothing: one grey level, or very nearly."""

    code = "blank"


class NotAChestXray(Rejection):
    """Raised when the gate, or the file itself, says that it is not a frontal chest X-ray.

    gate: the gate's score; None when the file says so, since the gate was not asked then.
    """

    code = "not_a_chest_xray"

    def __init__(self, message: str, gate: GateScore | None = None):
        super().__init__(message)
        self.gate = gate


class LateralXray(NotAChestXray):
    """Raised for a lateral view of a chest: the file says so, or it looks like one."""

    code = "lateral"


class RotatedXray(NotAChestXray):
    """Raised for a frontal chest X-ray that lies on its side or is upside down."""

    code = "rotated"


class ArtifactMissing(ModelError):
    """Raised when a folder holds no model artifact, or one with files missing."""


class ArtifactMismatch(ModelError):
    """Raised when an artifact's files contradict its metadata or this version of the code."""
