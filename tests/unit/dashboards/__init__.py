"""The dashboards without any Grafana or database."""
