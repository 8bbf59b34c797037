"""Workbooks are read in a process of their own: no file takes memory or time from others."""
