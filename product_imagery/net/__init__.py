"""Requests over the network: deadlines, connections, calls of providers, downloads, and which addresses are allowed."""
