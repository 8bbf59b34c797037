"""The annual count as a procedure: its steps, what stands beside them, and its reports."""
