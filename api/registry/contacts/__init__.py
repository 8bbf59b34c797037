"""Contacts of enterprises: for the bureau alone."""
