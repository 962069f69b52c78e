"""What workers and the sweeper do with the store."""
