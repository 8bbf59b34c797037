"""Unit tests of the reports: no files, no fonts."""
