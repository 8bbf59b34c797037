"""Tests of what is said of rejections."""
