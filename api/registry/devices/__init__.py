"""Devices: one piece of equipment each, and what was heard of it."""
