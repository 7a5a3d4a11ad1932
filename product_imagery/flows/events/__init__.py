"""Events: the outbox of what has become true, and its delivery to receivers."""
