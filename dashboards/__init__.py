"""Grafana panels for auditors."""
