"""Tests of the path from a message to a row."""
