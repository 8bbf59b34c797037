"""Connecting equipment: its address and programs for it, and what arrives, as it arrives."""
