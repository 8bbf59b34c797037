"""Enterprises, and what was heard of their devices."""
