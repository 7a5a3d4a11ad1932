"""Languages: every text of the pages is translated, and the catalogues are complete."""
