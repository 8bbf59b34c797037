"""The outbox without a database."""
