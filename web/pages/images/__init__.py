"""The worklist, jobs and images."""
