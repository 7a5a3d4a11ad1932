"""Rules of marketplaces for product pictures: versioned data, measured on written files, explained and repaired.

Plain Python: no Django, no database. ``packs`` reads the data, ``measure`` runs in an imaging process, ``judge``
compares, ``repair`` writes a better copy.
"""

from __future__ import annotations
