"""Tests of the whole path, by the command a user runs."""
