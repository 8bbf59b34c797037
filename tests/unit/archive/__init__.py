"""Unit tests of archive/."""
