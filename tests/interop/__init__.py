"""Clients of others against what we deploy: `make interop` (docs/testing.md)."""
