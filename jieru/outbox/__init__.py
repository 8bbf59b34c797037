"""What is told to people outside: written down in the transaction of what happened, sent later."""
