"""Sparkplug B: its topics, its payloads, and the heartbeats that they hold."""
