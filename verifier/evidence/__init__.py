"""Presence held against the heartbeats that it stands on."""
