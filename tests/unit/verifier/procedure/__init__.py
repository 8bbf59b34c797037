"""Unit tests of the procedure of a count: no database, no clock."""
