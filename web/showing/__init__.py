"""What the API and the pages show alike."""
