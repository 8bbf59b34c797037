"""Unit tests of the verifier: no database, no clock."""
