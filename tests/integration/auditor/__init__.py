"""What auditors see, and all that they can reach."""
