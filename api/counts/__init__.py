"""Counts: which enterprises each platform connected in a year, why, and the award."""
