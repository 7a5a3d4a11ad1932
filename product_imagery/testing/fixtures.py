"""Fixtures for pytest.

Write ``pytest_plugins = ["product_imagery.testing.fixtures"]`` in the ``conftest.py`` at the top. They need
``pip install product-imagery[testing]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from product_imagery.testing.instant import instant_engine
from product_imagery.testing.pictures import draw_product, encoded
from product_imagery.testing.serving import serving
from product_imagery.testing.stand_in import StandInServer, all_stand_ins


@pytest.fixture
def imagery_instant_engine() -> Iterator[None]:
    """The local engine answers at once with slightly darker copies: it needs neither model nor numpy."""
    with instant_engine():
        yield


@pytest.fixture
def imagery_picture() -> Callable[..., bytes]:
    """Draw a product: ``imagery_picture((240, 200), "JPEG", colour="#b03020")`` gives the bytes of a file."""

    def draw(size: tuple[int, int] = (240, 200), format: str = "JPEG", **drawing: Any) -> bytes:
        return encoded(draw_product(size, **drawing), format)

    return draw


@pytest.fixture
def imagery_stand_ins() -> Iterator[StandInServer]:
    """The stand-ins of all providers that have one, served at ``imagery_stand_ins.base``.

    An account uses one by the base URL ``{base}/<slug>`` and the key ``imagery_stand_ins[slug].key``; the settings
    ``PUBLIC_BASE_URL`` and ``FETCH_ALLOW`` have to allow the address.
    """
    server = StandInServer(all_stand_ins().values())
    with serving(server):
        yield server
