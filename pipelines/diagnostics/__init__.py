"""What this machine has, and what networks cost on it."""
