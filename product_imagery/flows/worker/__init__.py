"""Worker: the loop that runs all due work, and what keeps it going."""
