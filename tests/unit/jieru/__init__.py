"""Tests of what every part agrees on."""
