"""The keys of the viewer, for the sheet that `?` opens, and of lists: image.js and walking.js do
what they say."""

from web.language.asked import N_

VIEWER_KEYS = {
    N_("Images"): (
        ("← →", N_("Previous, next")),
        ("V", N_("Earlier film beside")),
        ("Esc", N_("Back to the list")),
        ("?", N_("Show or close this sheet")),
    ),
    N_("Size and place"): (
        ("+ \u2212", N_("Zoom in, zoom out")),
        ("0", N_("Fit into the window")),
        ("1", N_("Real size, 1:1")),
        ("⇧+arrows", N_("Move")),
        ("R", N_("Rotate by 90°")),
        ("F", N_("Full screen")),
    ),
    N_("Grey values"): (
        ("↑ ↓", N_("Brighter, darker")),
        (". ,", N_("More, less contrast")),
        ("D", N_("Default window")),
        ("I", N_("Invert")),
    ),
    N_("Map"): (
        ("M", N_("Next map")),
        ("N", N_("No map")),
        ("O", N_("Lines on or off")),
        ("[ ]", N_("Less, more opaque")),
    ),
    N_("What dragging does"): (
        ("P", N_("Move the X-ray")),
        ("W", N_("Brightness and contrast")),
        ("U", N_("Measure")),
        ("B", N_("Mark a finding with a box")),
    ),
    N_("Review"): (
        ("A", N_("Agree")),
        ("2 3 \u2026", N_("The first, second \u2026 other label")),
        ("X", N_("Unusable")),
        ("C", N_("Comment")),
        ("Enter", N_("Save, next image")),
    ),
}
LIST_KEYS = (
    ("J K", N_("Next, previous image")),
    ("/", N_("Search")),
    ("X", N_("Select or not")),
    ("⇧+X", N_("Select from the last one to here; so does a click with ⇧")),
    ("Esc", N_("Select none")),
    ("Enter", N_("Open the image")),
    ("?", N_("Show or close this sheet")),
)
JOB_KEYS = (
    ("J K", N_("Next, previous job")),
    ("/", N_("Search")),
    ("X", N_("Select or not")),
    ("Esc", N_("Select none")),
    ("Enter", N_("Open the job")),
    ("?", N_("Show or close this sheet")),
)
