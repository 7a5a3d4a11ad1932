"""Routes for machines: webhooks of providers, source pictures, health.

A webhook address contains the unguessable id of a credential and does not name the provider.
"""

from __future__ import annotations
