"""What each process may do in the database."""
