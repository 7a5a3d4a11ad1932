"""Views for other programs: webhooks of providers, source pictures, health.

The URL of a webhook contains an unguessable id of the credential and does not name the provider.
"""

from __future__ import annotations
