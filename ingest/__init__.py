"""MQTT in, TimescaleDB out: the path of a heartbeat into evidence."""
