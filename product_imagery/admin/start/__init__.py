"""Start: the page on which a look, its options and an account are chosen, and that quotes what pressing Start buys."""

from __future__ import annotations

from product_imagery.admin.start.views import form_in_address, left_out_view, look_picture, start_page

__all__ = ["form_in_address", "left_out_view", "look_picture", "start_page"]
