"""Stored files: names, reading and writing, unfinished files, archives, and the marks of spending."""
