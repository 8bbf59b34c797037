"""Notices without a database."""
