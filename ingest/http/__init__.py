"""Heartbeats over HTTPS: one request is one promise, kept when it is answered with 200."""
