"""The REST API: the only place that knows DRF. Views translate a request into one flow call, and errors back."""

from __future__ import annotations
