"""What the pages say in more than one place: the meaning of every state and every reason."""

STATES = {
    "Waiting": "Stored, and in the queue.",
    "Running": "A worker is classifying it.",
    "Done": "It has a result.",
    "Uncertain": "It has a result, but the highest probability is low for this model, or the lungs "
    "were not found. Review it manually.",
    "Rejected": "It was not classified, for the reason given. A film that was rejected as not "
    "being a frontal chest X-ray can be classified anyway on its page.",
    "Failed": "The system could not process it. Retry it; if it fails again, report it.",
    "Cancelled": "The job was cancelled before a worker began on it. Resume the job to go on.",
    "Open": "A job that accepts more files. It completes after it is closed.",
    "Complete": "Every image of the job has its final status.",
}
REASONS = {
    "unreadable": "The file is damaged, incomplete, empty, or holds no picture. Export it again.",
    "unsupported_format": "Not JPEG, PNG, WEBP, TIFF or DICOM, or not one grey picture.",
    "too_small": "Fewer pixels than a chest can be judged by. Send the X-ray at its original size.",
    "too_large": "More pixels or bytes than are accepted. Send it at a smaller size.",
    "blank": "The image shows next to nothing.",
    "not_a_chest_xray": "The gate, or the file itself, says that it is not a frontal chest X-ray.",
    "lateral": "It looks like a lateral chest X-ray, or the file says so.",
    "rotated": "A frontal chest X-ray that lies on its side or is upside down. Turn it upright.",
    "encrypted": "The zip archive has a password. Upload it without one.",
    "nested_archive": "A zip archive inside another one. Upload it by itself.",
    "archive_too_large": "The zip archive unpacks to more than is accepted.",
    "packed_too_densely": "The zip archive holds a file that is packed as no X-ray can be.",
    "too_many_images": "The job has as many images as it may. Upload the rest as another job.",
    "not_deidentified": "What the file says about the patient could not be removed, as the "
    "clinic's profile demands. It was not kept. Export it again.",
    "worker_died": "The program stopped several times while working on this file.",
    "file_missing": "The stored file is gone from the server's disk. Upload it again.",
    "file_locked": "The stored file is encrypted with a key that the server does not have now. "
    "Retry it once its operator has set CXR_FILES_KEY.",
    "file_damaged": "The stored file was changed or cut off on the server's disk. Upload it again.",
    "internal_error": "The program failed on this file. Retry it; if it persists, report it.",
}
