"""Software that nobody here wrote publishes, and what it published is stored evidence."""
