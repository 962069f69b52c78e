"""What a clinic keeps, and for how long."""
