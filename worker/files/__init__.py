"""The image store: where uploaded files lie, encrypted where a key is set, and when they go."""
