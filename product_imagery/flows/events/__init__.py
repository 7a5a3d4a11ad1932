"""Events: the outbox of outgoing webhooks, and their delivery to the endpoints of other programs."""
