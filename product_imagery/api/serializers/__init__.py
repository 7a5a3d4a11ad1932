"""What goes in and what comes out. Every field is named here: nothing else of a row is ever shown or taken."""

from __future__ import annotations
