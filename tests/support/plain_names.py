"""What ingesters are without names that nobody can guess, to show what these are for."""

from typing import Final

__all__ = ["PLAIN_NAMES"]

PLAIN_NAMES: Final = """
from ingest.broker_names import BrokerNames
BrokerNames.derived = classmethod(lambda cls, secret, client_id, group: cls(client_id, group))
"""
"""Runs in an ingester before anything else: it comes under the names of the settings."""
