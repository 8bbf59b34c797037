"""Declarations of stop and repair: made in time by operators, confirmed through the bureau."""
