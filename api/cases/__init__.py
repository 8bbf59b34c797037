"""Cases: the verifiers' workbench, and what operators are asked in them."""
