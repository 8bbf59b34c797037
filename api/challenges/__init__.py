"""Challenges: whom the bureau asked to let a machine stand still, and what was seen of it."""
