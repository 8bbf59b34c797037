"""Assignments: which enterprise a device stands for, and when."""
