"""Gateways of platforms: where each stands, and the credential that it publishes with."""
