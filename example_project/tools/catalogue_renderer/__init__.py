"""The ray marcher that rendered the photos and mattes of ``example_project.catalogue``.

``python -m example_project.tools.catalogue_renderer`` renders all of them again, a name behind it only that one. The
pictures are committed, so nobody has to. Needs numpy.
"""

from __future__ import annotations
