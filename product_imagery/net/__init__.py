"""Requests over the network: deadlines, connections, the transport of provider calls."""
