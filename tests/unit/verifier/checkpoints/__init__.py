"""Statements of the record, without a database."""
