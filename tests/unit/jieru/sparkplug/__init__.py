"""Tests of Sparkplug B."""
