"""What became of an image, as the store keeps it: done, rejected or failed, with a reason."""

from model.classifier import Prepared, Result, timings_ms
from model.errors import Rejection
from worker.records.images import ImageStatus, MapRecord
from worker.records.work import Claim, FinishedImage, NewResult

# Codes and sentences.
FILE_MISSING = (
    "file_missing",
    "The stored file is gone from the server's disk. Upload it again.",
)
FILE_LOCKED = (
    "file_locked",
    "The stored file is encrypted with a key that the server does not have now. Tell its operator, "
    "who sets CXR_FILES_KEY, then try again.",
)
FILE_DAMAGED = (
    "file_damaged",
    "The stored file was changed or cut off on the server's disk. Upload it again.",
)
INTERNAL_ERROR = (
    "internal_error",
    "The program failed on this file. Upload it again; if it fails again, report it.",
)
NOT_DEIDENTIFIED = (
    "not_deidentified",
    "The file is damaged or unusual, so what it says about the patient cannot be removed as "
    "this clinic demands. It was not kept. Export it again.",
)


def failed(claim: Claim, because: tuple[str, str]) -> FinishedImage:
    """It is our fault. because: one of the reasons above."""
    reason, message = because
    return FinishedImage(claim=claim, status=ImageStatus.FAILED, reason=reason, message=message)


def not_deidentified(claim: Claim) -> FinishedImage:
    reason, message = NOT_DEIDENTIFIED
    return FinishedImage(
        claim=claim,
        status=ImageStatus.REJECTED,
        reason=reason,
        message=message,
        keeps_file=False,
    )


def rejected(claim: Claim, rejection: Rejection) -> FinishedImage:
    return FinishedImage(
        claim=claim,
        status=ImageStatus.REJECTED,
        reason=rejection.code,
        message=rejection.message,
        gate=rejection.gate,
    )


def done(claim: Claim, prepared: Prepared, result: Result) -> FinishedImage:
    return FinishedImage(
        claim=claim,
        status=ImageStatus.DONE,
        width=prepared.width,
        height=prepared.height,
        gate=prepared.gate,
        facts=prepared.facts.as_json(),
        patient=prepared.facts.patient,
        accession=prepared.facts.accession,
        result=new_result(prepared, result),
    )


def new_result(prepared: Prepared, result: Result) -> NewResult:
    """As the store keeps it."""
    return NewResult(
        model=result.model,
        label=result.label,
        probabilities=result.probabilities,
        uncertain=result.uncertain,
        maps=[MapRecord(name, grid, tuple(result.box)) for name, grid in result.maps.items()],
        timings_ms=timings_ms(prepared, result),
        uncertain_reasons=result.uncertain_reasons,
        triage=result.triage,
        film=result.film,
    )
