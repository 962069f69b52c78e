"""Figures about a model, with their intervals, and how they are shown."""
