"""Entries of audit and access log, sent to syslog as they are written."""
