"""What plays a guide, without any machine."""
