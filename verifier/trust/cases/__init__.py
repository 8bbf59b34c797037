"""Cases: an enterprise on a platform under review, from signals to a decision."""
