"""Training runs: planning, starting, watching, stopping and resuming them. Nothing here imports torch."""
