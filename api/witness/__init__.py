"""A witness's own small server: it knows no database, and nothing of the rest of the API."""
