"""How the installation is, for administrators: its checks, accounts, processes, keys, records."""
