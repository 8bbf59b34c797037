"""The verifier on a real database, and its commands."""
