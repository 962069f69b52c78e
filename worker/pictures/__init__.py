"""Pictures of uploaded files: where they lie, and who draws the large ones."""
