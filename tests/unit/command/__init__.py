"""Unit tests of command/."""
