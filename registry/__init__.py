"""The registry: who is connected to whom, and which device stands for which enterprise."""
