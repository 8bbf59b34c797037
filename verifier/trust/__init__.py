"""What an honest fleet rarely shows in the evidence: it opens a case, and changes no outcome."""
