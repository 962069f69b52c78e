"""Errors of requests. `web.problems` maps each of them to HTTP."""


class WebError(Exception):
    """Root of this package's errors. `code` names the case for programs."""

    code = "web_error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class NotSignedIn(WebError):
    """Raised when a request carries neither a valid token nor a session."""

    code = "not_signed_in"


class NotPermitted(WebError):
    """Raised when whoever asks is known, and lacks the permission for it."""

    code = "not_permitted"


class SecondFactorRequired(WebError):
    """Raised when a person has to set up a second factor before anything else."""

    code = "second_factor_required"


class ProviderFailed(WebError):
    """Raised when the identity provider did not say who somebody is."""

    code = "provider_failed"


class InvalidForm(WebError):
    """Raised when a form's fields make no sense together; the message says why."""

    code = "invalid_form"


class CrossSite(WebError):
    """Raised when another site's page tries to act with the user's session."""

    code = "cross_site"


class InvalidUpload(WebError):
    """Raised when an upload cannot be understood; the message says what to send."""

    code = "invalid_upload"


class UnsupportedUpload(WebError):
    """Raised when the body is neither multipart/form-data nor JSON."""

    code = "unsupported_media_type"


class UnsupportedTus(WebError):
    """Raised when a resumable upload speaks another version of tus."""

    code = "unsupported_tus_version"


class ChecksumMismatch(WebError):
    """Raised when a piece of an upload is not what its checksum says."""

    code = "checksum_mismatch"


class NoPicture(WebError):
    """Raised when an image has no file or no attention map, and will not get one."""

    code = "no_picture"


class BeingDrawn(WebError):
    """Raised when a picture is being drawn for this request; soon it is there."""

    code = "being_drawn"


class NotReady(WebError):
    """Raised when what is asked for will exist once the image is classified."""

    code = "not_classified_yet"
