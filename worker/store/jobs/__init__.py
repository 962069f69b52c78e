"""A job from its first image to its removal."""
