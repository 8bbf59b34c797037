"""The API's parts that need neither a database nor a socket."""
