"""Manage API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from product_imagery.management.base import ImageryCommand
from product_imagery.models import ApiKey, Scope


class Command(ImageryCommand):
    """Prints a key once, when it is made: only its digest is stored."""

    help = "Make, list and revoke API keys."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add one sub-command for each step."""
        steps = parser.add_subparsers(dest="step", required=True)
        make = steps.add_parser("make", help="make a key and print it, once")
        make.add_argument("name", help="the program that will use it")
        make.add_argument("--owner", required=True, help="name of the user who is responsible for it")
        make.add_argument("--test", action="store_true", help="local engine only, nothing charged, nothing published")
        make.add_argument(
            "--scopes", default="read,enhance", metavar="A,B", help=f"of {', '.join(Scope.values)} (read,enhance)"
        )
        make.add_argument("--days", type=int, help="days until it expires")
        self.add_json(steps.add_parser("list", help="all keys"))
        steps.add_parser("revoke", help="revoke a key at once").add_argument("prefix", help="its visible beginning")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['step']}")(options)

    def _make(self, options: dict[str, Any]) -> None:
        users = get_user_model()
        owner = users._default_manager.filter(**{users.USERNAME_FIELD: options["owner"]}).first()
        if owner is None:
            raise CommandError(f"There is no user “{options['owner']}”.", returncode=2)
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        unknown = [scope for scope in scopes if scope not in Scope.values]
        if unknown or not scopes:
            raise CommandError(f"Scopes are: {', '.join(Scope.values)}.", returncode=2)
        expires = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        key, text = ApiKey.objects.issue(
            owner=owner, name=options["name"], is_test=options["test"], scopes=scopes, expires_at=expires
        )
        self.stderr.write(f"{key}: save it now, it is not shown again.")
        self.stdout.write(text)

    def _list(self, options: dict[str, Any]) -> None:
        facts = [
            {
                "key": f"{key.prefix}…",
                "name": key.name,
                "owner": str(key.owner),
                "scopes": ", ".join(key.scopes),
                "state": str(key.state),
                "last_used": key.last_used_at,
            }
            for key in ApiKey.objects.select_related("owner")
        ]
        if options["json"]:
            self.print_json(facts)
        else:
            head = ("key", "name", "owner", "scopes", "state", "last_used")
            self.print_table(head, [list(fact.values()) for fact in facts])

    def _revoke(self, options: dict[str, Any]) -> None:
        key = ApiKey.objects.filter(prefix=options["prefix"].rstrip("…")).first()
        if key is None:
            raise CommandError(f"There is no key “{options['prefix']}”.", returncode=2)
        self.stdout.write("Revoked." if key.revoke() else "It had been revoked before.")
