"""Who came in, read what is personal or secret, and took files away, for those who oversee."""
