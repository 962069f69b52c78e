"""The image store: uploaded files on disk, their encryption and their deletion."""
