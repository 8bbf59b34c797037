"""What heavy work of the caller waits, runs and ended, and how it is cancelled."""
