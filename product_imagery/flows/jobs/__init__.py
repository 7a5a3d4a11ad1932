"""Jobs: which are due, and what follows from them for items and enhancements."""
