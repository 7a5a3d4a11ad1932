"""Help for tests of providers and of shops: stand-ins of providers, conformance cases, pictures, fixtures."""

from __future__ import annotations
