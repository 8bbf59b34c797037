"""Programs that publish heartbeats: the documents and the console show the same ones."""
