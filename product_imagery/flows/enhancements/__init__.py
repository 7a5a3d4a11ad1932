"""Enhancements: the requests of people and programs: start, prepare, cancel, retry, reconcile."""
