"""Nothing but provider folders: each is found by ``provider_kit.registry`` and describes itself."""

from __future__ import annotations
