"""Enhancements: what people and programs ask for: start, cancel, retry, decide."""
