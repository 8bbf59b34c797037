"""Formats of well-known products, ready to be declared: one file each."""
