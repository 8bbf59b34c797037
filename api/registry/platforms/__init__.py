"""Platforms, as the bureau registers them."""
