"""The registry over the API, on a real database."""
