"""The README's promises, tried on machines that nobody prepared: `make bare`."""
