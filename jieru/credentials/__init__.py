"""Credentials of equipment: secrets handed out once, and the broker that is told of them."""
