"""Files that people hand in: what they are by their content, where they lie, what others get."""
