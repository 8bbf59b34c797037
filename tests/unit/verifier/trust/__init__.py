"""Signals, on evidence small enough to reckon by hand and on cities that are drawn."""
