"""Credentials of equipment: which there are, issued, replaced, revoked."""
