"""Challenges: a contact of the enterprise, not the operator, lets a machine stand still."""
