"""From a file to what a network takes in."""
