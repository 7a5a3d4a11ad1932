"""Sixteen and more product photos that this project renders itself, with their exact mattes.

``python -m example_project.catalogue`` renders them again. The pictures are committed, so nobody has to.
"""

from __future__ import annotations
