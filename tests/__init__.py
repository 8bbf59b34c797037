"""Tests of Jieru."""
