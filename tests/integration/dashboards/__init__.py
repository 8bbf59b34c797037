"""The dashboards, before real databases and servers that speak as Grafana does."""
