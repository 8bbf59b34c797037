"""What people are told of what happens: found once, told to those who may see it."""
