"""Rejections: messages that were not taken, with the reason."""
