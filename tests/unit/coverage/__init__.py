"""Adding up what coverage.py measured."""
