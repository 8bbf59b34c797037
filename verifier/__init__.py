"""Presence in, awards out: the annual count and its reasons."""
