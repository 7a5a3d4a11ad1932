"""What the admin's own pages share: permission checks and turning flow errors into messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from product_imagery.exceptions import ImageryError


def require(request: HttpRequest, *permissions: str) -> None:
    """Raise ``PermissionDenied`` unless the user has all of these permissions of this app."""
    if not request.user.has_perms([f"product_imagery.{name}" for name in permissions]):
        raise PermissionDenied


def person(request: HttpRequest) -> AbstractBaseUser:
    """The one who is logged in: admin pages are never shown to anybody else."""
    assert isinstance(request.user, AbstractBaseUser)
    return request.user


@contextmanager
def explained(request: HttpRequest) -> Iterator[None]:
    """Show the sentence of a flow's error to the person instead of failing."""
    try:
        yield
    except ImageryError as error:
        messages.error(request, error.message)


def each(request: HttpRequest, step: Callable[[Any], object], things: Any) -> int:
    """Take one step for each thing; count the successes and show each different refusal once."""
    done, refusals = 0, {}
    for thing in things:
        try:
            step(thing)
            done += 1
        except ImageryError as error:
            refusals[error.message] = True
    for sentence in refusals:
        messages.warning(request, sentence)
    return done
