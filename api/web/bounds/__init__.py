"""What one caller may ask at once and in a minute, so that nobody's asking keeps others waiting."""
