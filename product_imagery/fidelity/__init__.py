"""Fidelity: the product of a result compared with that of its source, in colour, shape and details.

Plain Python: no Django, no database. ``drift`` measures in an imaging process, ``judge`` compares with limits.
"""

from __future__ import annotations
