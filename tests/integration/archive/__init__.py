"""Raw heartbeats that move into files, and back."""
