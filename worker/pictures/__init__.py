"""Pictures of uploaded files: where they are stored, and how large ones are drawn."""
