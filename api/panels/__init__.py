"""Panels for auditors who have no Grafana: the dashboards, drawn by the console itself."""
