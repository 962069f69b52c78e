"""The classes, in the order of every probability vector."""

LABELS = ("COVID19", "NORMAL", "PNEUMONIA")
