"""Hours and heartbeats, without a database."""
