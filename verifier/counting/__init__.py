"""The code that decides: from presence and the registry to outcomes and awards."""
