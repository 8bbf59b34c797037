"""Tests of jieru.registry."""
