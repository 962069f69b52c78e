"""Signs of life of worker processes, and what happens when they stop."""
