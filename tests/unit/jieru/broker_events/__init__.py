"""Tests of what a broker tells of connections."""
