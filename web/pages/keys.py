"""The keys of the viewer, for the sheet that `?` opens, and of lists: image.js and picking.js do
what they say."""

VIEWER_KEYS = {
    "Images": (
        ("← →", "Previous, next"),
        ("V", "Earlier film beside"),
        ("Esc", "Back to the list"),
        ("?", "Show or close this sheet"),
    ),
    "Size and place": (
        ("+ \u2212", "Zoom in, zoom out"),
        ("0", "Fit into the window"),
        ("1", "Real size, 1:1"),
        ("⇧+arrows", "Move"),
        ("R", "Rotate by 90°"),
        ("F", "Full screen"),
    ),
    "Grey values": (
        ("↑ ↓", "Brighter, darker"),
        (". ,", "More, less contrast"),
        ("D", "Default window"),
        ("I", "Invert"),
    ),
    "Map": (
        ("M", "Next map"),
        ("N", "No map"),
        ("O", "Lines on or off"),
        ("[ ]", "Less, more opaque"),
    ),
    "What dragging does": (
        ("P", "Move the X-ray"),
        ("W", "Brightness and contrast"),
        ("U", "Measure"),
        ("B", "Mark a finding with a box"),
    ),
    "Review": (
        ("A", "Agree"),
        ("2 3 \u2026", "The first, second \u2026 other label"),
        ("X", "Unusable"),
        ("C", "Comment"),
        ("Enter", "Save, next image"),
    ),
}
LIST_KEYS = (
    ("J K", "Next, previous image"),
    ("X", "Select or not"),
    ("⇧+X", "Select from the last one to here; so does a click with ⇧"),
    ("Esc", "Select none"),
    ("Enter", "Open"),
)
