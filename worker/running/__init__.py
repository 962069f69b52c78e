"""What a worker process does while it runs."""
