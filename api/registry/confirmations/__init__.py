"""Confirmations: an enterprise is asked whether a connection is so, and answers by a code."""
