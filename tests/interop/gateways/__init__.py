"""Gateways and other software that speaks for many devices, each with the configuration we show."""
