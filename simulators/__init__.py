"""Simulated fleets: habits, faults, scenarios and what they must count to."""
