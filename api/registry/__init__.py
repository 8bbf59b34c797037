"""The registry, one folder a kind of record: lists, one record, its changes, its pages."""
