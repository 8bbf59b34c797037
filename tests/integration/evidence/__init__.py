"""Presence held against heartbeats, and the statements that are kept outside of the database."""
