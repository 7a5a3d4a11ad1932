"""One picture of one product."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProductPicture:
    """One picture of one product, with its current files and a label.

    ``place`` tells where the picture is written and ``source_place`` where it is read: table, column and row, however
    the model is registered. ``is_readable`` is false if the shop's own code raises for the product. ``source_name`` is
    empty for a row without a file.
    """

    object_id: str
    slot: str
    source_name: str
    target_name: str
    label: str
    source_url: str = ""  #: address of the source file, if it is not in the storage yet
    place: str = ""
    source_place: str = ""
    is_readable: bool = True
