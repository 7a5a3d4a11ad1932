"""The stand-ins of our own providers behind one server, with the names that our tests use."""

from __future__ import annotations

from product_imagery.providers.aigenstudio.stand_in import SANDBOX_KEY
from product_imagery.testing.serving import serving
from product_imagery.testing.stand_in import Fault, Request, StandInServer, all_stand_ins

__all__ = ["KEYS", "SANDBOX_KEY", "STAND_INS", "Fakes", "Fault", "Request", "serving"]

STAND_INS = all_stand_ins()
KEYS = {slug: stand_in.key for slug, stand_in in STAND_INS.items()}


class Fakes(StandInServer):
    """All of them."""

    def __init__(self, work_seconds: float = 0.0) -> None:
        super().__init__(STAND_INS.values(), work_seconds)
