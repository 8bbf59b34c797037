"""What the tests and benchmarks stand on: real services, and small builders."""
