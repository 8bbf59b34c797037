"""Recognitions: which level a platform was given, and from when until when."""
