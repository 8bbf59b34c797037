"""The first page: what is connected, what is heard, what is refused."""
