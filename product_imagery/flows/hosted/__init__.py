"""Hosted: calls of hosted providers, from a leased job to its outcome."""
