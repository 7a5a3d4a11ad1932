"""Probes behind ``imagery_doctor`` and the health URL. Each has a time limit, and each finding advises what to do."""
