"""Connections: which platform serves which enterprise, under which contract."""
