"""Panels for auditors in both languages; Grafana's files are one writing of them."""

from dashboards.catalogue import all_dashboards

__all__ = ["all_dashboards"]
