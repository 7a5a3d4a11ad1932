"""People in sentences: who was faster, for those who may know."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser


def name_of_other(person: Any, actor: AbstractBaseUser | None) -> str:
    """Return the name of another person for staff; empty for the actor's own, for nobody, and for programs."""
    may_know = person is not None and person != actor and getattr(actor, "is_staff", False)
    return str(person) if may_know else ""
