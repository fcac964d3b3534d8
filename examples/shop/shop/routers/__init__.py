"""One module for each part of the shop."""
