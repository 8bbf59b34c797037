"""What auditors may see, and nothing else: the views of schema `audit`, read by one role."""
