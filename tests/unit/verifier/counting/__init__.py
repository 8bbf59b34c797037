"""Unit tests of the code that decides."""
