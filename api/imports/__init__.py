"""Imports of registry files: upload, check, mend, apply."""
