"""The frame of the console's pages: menu, visit, forms, lists, and the words of them all."""
