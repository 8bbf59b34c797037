"""Evidence that is drawn."""
