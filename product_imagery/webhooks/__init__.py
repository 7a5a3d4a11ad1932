"""Where providers call: one address for each account, unguessable, with no provider's name in it."""

from __future__ import annotations
