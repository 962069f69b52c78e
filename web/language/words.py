"""What the pages say in more than one place, and what other packages say in English: marked here,
and translated where it is shown. Our JavaScript knows all of these words too."""

from web.language.asked import N_, NP_, _, locale
from web.language.catalogues import SOURCE

# Each with what it is said of, and what it means.
STATES = (
    (NP_("image", "Waiting"), N_("Stored, and in the queue.")),
    (NP_("image", "Running"), N_("A worker is classifying it.")),
    (NP_("image", "Done"), N_("It has a result.")),
    (
        NP_("image", "Uncertain"),
        N_(
            "It has a result, but the highest probability is low for this model, the X-ray is "
            "unlike those that it was trained on, or the lungs were not found. Review it manually."
        ),
    ),
    (
        NP_("image", "Rejected"),
        N_(
            "It was not classified, for the reason given. A film that was rejected as not "
            "being a frontal chest X-ray can be classified anyway on its page."
        ),
    ),
    (
        NP_("image", "Failed"),
        N_("The system could not process it. Retry it; if it fails again, report it."),
    ),
    (
        NP_("image", "Cancelled"),
        N_("The job was cancelled before a worker began on it. Resume the job to go on."),
    ),
    (
        NP_("job", "Waiting"),
        N_("A job for which no worker is up. It goes on when one starts."),
    ),
    (NP_("job", "Open"), N_("A job that accepts more files. It completes after it is closed.")),
    (NP_("job", "Complete"), N_("A job whose images all have their final status.")),
)
# Of jobs besides, and of images where there are several: the filter of a list.
OTHER_STATES = (
    *(NP_("job", "Running"), NP_("job", "Cancelled"), NP_("job", "No results")),
    *(NP_("images", "Waiting"), NP_("images", "Running"), NP_("images", "Done")),
    *(NP_("images", "Rejected"), NP_("images", "Failed"), NP_("images", "Cancelled")),
)
REASONS = {
    "unreadable": N_(
        "The file is damaged, incomplete, empty, or holds no picture. Export it again."
    ),
    "unsupported_format": N_("Not JPEG, PNG, WEBP, TIFF or DICOM, or not one grey picture."),
    "too_small": N_(
        "Fewer pixels than a chest can be judged by. Send the X-ray at its original size."
    ),
    "too_large": N_("More pixels or bytes than are accepted. Send it at a smaller size."),
    "blank": N_("The image shows next to nothing."),
    "not_a_chest_xray": N_(
        "The gate, or the file itself, says that it is not a frontal chest X-ray."
    ),
    "lateral": N_("It looks like a lateral chest X-ray, or the file says so."),
    "rotated": N_(
        "A frontal chest X-ray that lies on its side or is upside down. Turn it upright."
    ),
    "name_too_long": N_("Its name has more characters than are kept. Give it a shorter one."),
    "encrypted": N_("The zip archive has a password. Upload it without one."),
    "nested_archive": N_("A zip archive inside another one. Upload it by itself."),
    "archive_too_large": N_("The zip archive unpacks to more than is accepted."),
    "packed_too_densely": N_("The zip archive holds a file that is packed as no X-ray can be."),
    "too_many_images": N_("The job has as many images as it may. Upload the rest as another job."),
    "not_deidentified": N_(
        "What the file says about the patient could not be removed, as the "
        "clinic's profile demands. It was not kept. Export it again."
    ),
    "worker_died": N_("The program stopped several times while working on this file."),
    "file_missing": N_("The stored file is gone from the server's disk. Upload it again."),
    "file_locked": N_(
        "The stored file is encrypted with a key that the server does not have now. Retry it once "
        "its operator has set CXR_FILES_KEY."
    ),
    "file_damaged": N_(
        "The stored file was changed or cut off on the server's disk. Upload it again."
    ),
    "internal_error": N_("The program failed on this file. Retry it; if it persists, report it."),
}
# What went wrong, by the code of the API's problem, in other languages than English: the API's own
# sentence, with its numbers and names, is English.
PROBLEMS = {
    "not_signed_in": N_("Sign in first."),
    "second_factor_required": N_("A second factor is required here. Set it up first."),
    "not_permitted": N_("Your role does not allow this. Ask an admin of your clinic."),
    "cross_site": N_("Another site tried to act in your name. Open the page here and try again."),
    "provider_failed": N_("Your organisation's sign-in did not answer as expected. Try again."),
    "not_found": N_("It does not exist, or it was deleted."),
    "method_not_allowed": N_("This address cannot be used like that."),
    "bad_request": N_("The request cannot be understood."),
    "invalid_input": N_(
        "Something in the form or the address is not allowed. Check what you entered."
    ),
    "invalid_cursor": N_("The list changed. Load the page again."),
    "unknown_label": N_("The model of this job does not know that label."),
    "sort_too_wide": N_(
        "There are too many images to sort them like that. Choose a job or a filter."
    ),
    "key_taken": N_("The same upload arrived at the same time. Try again."),
    "idempotency_key_reused": N_(
        "The upload was sent before with other files. Choose the files anew."
    ),
    "job_not_open": N_("The job is closed and takes no more files. Start a new job."),
    "job_held": N_("The job is under a legal hold: neither it nor its images can be deleted."),
    "not_refused_by_gate": N_(
        "Only an image that was rejected by the gate can be classified anyway."
    ),
    "file_not_kept": N_("The X-ray is not kept any more. Upload it again."),
    "no_result_to_review": N_("The image has no result to review."),
    "review_is_final": N_("The review is final and cannot be changed."),
    "upload_abandoned": N_("The upload was interrupted. Try again."),
    **{code: REASONS[code] for code in ("file_locked", "file_damaged", "too_many_images")},
    "offset_mismatch": N_("The upload went on elsewhere. Try again."),
    "checksum_mismatch": N_("A piece of the upload arrived damaged. Try again."),
    "too_many_unfinished": N_("Your clinic has too many unfinished uploads. Finish some first."),
    "unsupported_tus_version": N_("Uploads of this kind are not supported."),
    "storage_unavailable": N_("The server's disk is full. Tell whoever runs it."),
    "quota_reached": N_(
        "The X-rays of your clinic take as much space as they may. Delete jobs that are no longer "
        "needed."
    ),
    "link_ended": N_("This link no longer works."),
    "too_many_views": N_("You have saved as many views as may be. Remove one to save another."),
    "name_taken": N_("Somebody has this name already. Choose another one."),
    "password_refused": N_(
        "This password is too short, can be guessed, or was leaked. Choose one of at least 10 "
        "characters, such as several words that do not belong together."
    ),
    "too_many_waiting": N_(
        "Too many images of your clinic would wait. Try again later, or with fewer images."
    ),
    "too_many_requests": N_("Too many requests, or attempts to sign in. Try again in a minute."),
    "too_many_pictures": N_("The server is drawing many pictures. Try again in a moment."),
    "no_picture": N_("There is no such picture of this image."),
    "not_classified_yet": N_("The image is not classified yet."),
    "being_drawn": N_("The picture is being drawn."),
    "upload_too_large": N_("The upload is too large for one job. Send it in parts."),
    "json_too_large": N_("The upload is too large for one job. Send it in parts."),
    "unsupported_media_type": N_("Uploads of this kind are not supported."),
    "invalid_upload": N_("The upload cannot be understood. Choose the files anew."),
    "no_files": N_("The upload holds no files."),
    "database_unavailable": N_("The database cannot be reached. Try again in a moment."),
    "content_too_large": N_("The upload is too large for one job. Send it in parts."),
    "internal_error": N_(
        "Something went wrong on the server. Try again; if it persists, tell whoever runs it."
    ),
}
UNCERTAIN_MEANS = N_("Low confidence: review manually.")
# Of labels that other models may have, too; one that is not here stays as the model calls it.
LABELS = (N_("Normal"), N_("Pneumonia"), N_("Tuberculosis"), N_("Abnormal"), N_("Other"))
# What is kept for its time, what it is called, and how long without a number of days.
KEPT_KINDS = (
    ("files", N_("X-rays"), N_("as long as the job")),
    ("pictures", N_("Small pictures"), N_("as long as the X-rays")),
    ("maps", N_("Maps"), N_("as long as the job")),
    ("jobs", N_("Jobs with their results"), N_("for ever")),
)
# In English in other packages: statuses, roles, profiles, actions of the audit trail, and so on.
FROM_ELSEWHERE = (
    N_("Research and triage support, not a diagnosis."),
    *(N_("The highest probability is low for this model."),),
    *(N_("The X-ray is unlike those that the model was trained on."),),
    *(N_("The lungs were not found, so the model saw the whole film."),),
    *(N_("reader"), N_("uploader"), N_("admin"), N_("operator")),
    *(N_("active"), N_("revoked"), N_("expired")),
    *(N_("Clinical"), N_("Pseudonym"), N_("Research")),
    N_("Files and their names are kept as they came."),
    N_(
        "DICOM files lose names and identifiers (PS3.15 basic profile). The patient ID becomes a "
        "pseudonym, UIDs become new ones, the same for the same patient and study. Dates, sex, "
        "age, size and weight stay. Other files lose all that is not their picture (EXIF, place, "
        "comments). File names are replaced."
    ),
    N_(
        "As with pseudonyms, and sex, age, size and weight go too. All dates of a patient are "
        "shifted by the same number of days. Pictures are black where text seems to be burned into "
        "the film."
    ),
    N_("see jobs, X-rays, results and maps, and export them"),
    N_("record a reader's opinion of a result"),
    N_("send files; follow, cancel, resume and retry jobs"),
    N_("delete jobs and images"),
    N_("manage the clinic's people, tokens and sessions"),
    N_("see workers, numbers and the audit trail of all clinics, and retry what failed; no X-rays"),
    *(N_("Signed in"), N_("Signed out"), N_("Refused"), N_("Uploaded"), N_("Viewed")),
    *(N_("Exported"), N_("Changed"), N_("Deleted"), N_("Token created"), N_("Token revoked")),
    *(N_("Settings changed"), N_("Backed up"), N_("Restored")),
    *(N_("person"), N_("token"), N_("nobody"), N_("command"), N_("system")),
    *(N_("Decode"), N_("Gate"), N_("Prepare"), N_("Infer"), N_("Attention")),
    *(N_("database"), N_("tables"), N_("queue"), N_("storage"), N_("workers")),
    *(N_("yes"), N_("no"), N_("likely"), N_("unlikely"), N_("unknown")),
    *(N_("Bad Request"), N_("Unauthorized"), N_("Forbidden"), N_("Not Found"), N_("Conflict")),
    *(N_("Method Not Allowed"), N_("Gone"), N_("Request Entity Too Large"), N_("Bad Gateway")),
    *(N_("Unprocessable Entity"), N_("Too Many Requests"), N_("Internal Server Error")),
    *(N_("Service Unavailable"), N_("Insufficient Storage")),
)


def reason_text(reason: str | None, message: str) -> str:
    """Why an image was rejected or failed: `message` as it was written, in English; in other
    languages what its code means."""
    if locale().language == SOURCE or reason not in REASONS:
        return message
    return _(REASONS[reason])


def error_text(code: str, detail: str) -> str:
    """What went wrong: `detail`, in English; in other languages what its code means."""
    if locale().language == SOURCE:
        return detail
    return _(PROBLEMS[code]) if code in PROBLEMS else detail
