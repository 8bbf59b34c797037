"""What enterprises say for themselves."""
