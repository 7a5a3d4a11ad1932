"""Better product pictures for Django shops.

The Python API is what this module exports: see ``docs/python-api.md``. Its functions are imported when they are first
used, so that the package itself can be imported before Django's apps are ready.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"
__all__ = ["Decision", "Quote", "Skipped", "StartResult", "approve", "enhance", "publish", "quote", "restore"]

if TYPE_CHECKING:
    from product_imagery.exceptions import Skipped
    from product_imagery.flows.enhancements.start import Quote, StartResult, enhance, quote
    from product_imagery.flows.results.publish import restore
    from product_imagery.flows.results.review import Decision, approve, publish
else:
    _HOMES = {
        "product_imagery.exceptions": ("Skipped",),
        "product_imagery.flows.enhancements.start": ("Quote", "StartResult", "enhance", "quote"),
        "product_imagery.flows.results.publish": ("restore",),
        "product_imagery.flows.results.review": ("Decision", "approve", "publish"),
    }

    def __getattr__(name: str) -> object:
        for module, names in _HOMES.items():
            if name in names:
                globals()[name] = found = getattr(import_module(module), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
