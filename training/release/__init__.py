"""From a fitted network to an artifact and its card."""
