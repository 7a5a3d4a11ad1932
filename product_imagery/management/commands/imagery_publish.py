"""Publish approved results of an enhancement."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import CommandError, CommandParser

from product_imagery import history
from product_imagery.exceptions import StateError
from product_imagery.flows.results import review, standing
from product_imagery.management.base import ImageryCommand
from product_imagery.models import Enhancement, ResultImage
from product_imagery.states import Publication, Review

_TOGETHER = 500


class Command(ImageryCommand):
    """Queues the publications for a worker. The current pictures of the products are kept as versions."""

    help = "Publish the approved pictures of an enhancement that are not on their products (again). Costs nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, metavar="ID", help="of the enhancement")
        more = "also pictures that were restored, and those whose products were changed before the publication"
        parser.add_argument("--all", action="store_true", help=more)
        self.add_user(parser)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare the results with the products, and request publications of those that are missing."""
        user = self.user(options)
        enhancement = Enhancement.objects.filter(pk=options["id"]).first()
        if enhancement is None:
            raise CommandError(f"There is no enhancement {options['id']}.")
        wanted = {Publication.NONE, *((Publication.CONFLICT, Publication.RESTORED) if options["all"] else ())}
        approved = ResultImage.objects.filter(enhancement=enhancement, review=Review.APPROVED)
        portions = approved.select_related("item__enhancement").in_portions(_TOGETHER)
        count = sum(self._publish(some, wanted, user) for some in portions)
        if options["json"]:
            self.print_json({"id": enhancement.pk, "pictures": count})
        else:
            self.stdout.write(f"The next worker will publish {count} pictures. Nothing is spent.")

    def _publish(self, results: list[ResultImage], wanted: set[Publication], user: AbstractBaseUser | None) -> int:
        now, done = standing.publications(results), []
        for result in results:
            if now[result.pk] in wanted:
                try:
                    review.publish(result, actor=user)
                    done.append(result)
                except StateError as error:
                    self.stderr.write(f"{result.item}: {error.message}")
        history.reviewed(user, "publish", done)
        return len(done)
