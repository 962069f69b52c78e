"""What a worker process and the sweeper do while they run."""
