"""What `make coverage` prints of what coverage.py has measured."""
