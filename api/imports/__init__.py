"""Imports of registry files: upload, check, correct, apply."""
