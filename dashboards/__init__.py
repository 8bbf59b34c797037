"""Grafana panels for auditors: built here as JSON, exported as files or pushed to a server."""

from dashboards.catalogue import all_dashboards

__all__ = ["all_dashboards"]
