"""Start an enhancement."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.core.management.base import CommandError, CommandParser

from product_imagery import background, history
from product_imagery.flows.enhancements.plan import left_out_text
from product_imagery.flows.enhancements.start import Quote, enhance, quote
from product_imagery.management.base import ImageryCommand, bar_is_wanted, find_credential, find_description, pairs
from product_imagery.management.progress import work_until_ended
from product_imagery.models import Enhancement
from product_imagery.products import ProductImages
from product_imagery.templatetags.imagery import duration


class Command(ImageryCommand):
    """Example: ``imagery_enhance shop.Product --all --preset white --wait``."""

    help = "Start an enhancement of products. --dry-run only prints count, cost and duration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="the registered model, as app.Model")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--ids", help="primary keys, separated by commas")
        which.add_argument("--filter", action="append", metavar="KEY=VALUE", help="may be repeated")
        which.add_argument("--all", action="store_true", help="all products")
        work = parser.add_mutually_exclusive_group(required=True)
        work.add_argument("--preset", help="name of the look")
        work.add_argument("--operation", help="operation without a preset, see imagery_providers")
        parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
        parser.add_argument(
            "--credential", metavar="LABEL", help="the account to use; default is the preset's, or local"
        )
        parser.add_argument(
            "--approve",
            action="store_true",
            help="publish the results without review, except those that a person has to see (REVIEW_BELOW)",
        )
        parser.add_argument("--fresh", action="store_true", help="also enhance pictures that have this look already")
        parser.add_argument(
            "--from-present",
            action="store_true",
            help="start from the picture on the product, even if we published it; by default from the original",
        )
        parser.add_argument("--budget", type=Decimal, help="upper bound of the cost, in the provider's currency")
        parser.add_argument("--wait", action="store_true", help="do the work in this process and end when it is done")
        parser.add_argument("--dry-run", action="store_true", help="start nothing")
        self.add_user(parser)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        description = find_description(options["model"])
        products, work = {description: _ids(description, options)}, _work(options)
        if options["dry_run"]:
            self._print_quote(quote(products, **work), options)
            return
        user = self.user(options)
        with background.awake() if options["wait"] else nullcontext():
            enhancement = enhance(
                products,
                **work,
                channel=Enhancement.Channel.COMMAND,
                actor=user,
                auto_approve=options["approve"],
                budget=options["budget"],
            ).enhancement
        history.started(user, enhancement)
        count = Enhancement.objects.with_progress().get(pk=enhancement.pk).total  # type: ignore[attr-defined]
        if not options["json"]:
            after = "" if options["wait"] else " for the next worker"
            self.stdout.write(f"Enhancement {enhancement.pk}: {count} pictures queued{after}.")
            self._print_left_out(enhancement)
        if options["wait"]:
            enhancement = work_until_ended(enhancement, bar=bar_is_wanted(options))
        self._print_end(enhancement, options)

    def _print_quote(self, found: Quote, options: dict[str, Any]) -> None:
        facts = {**vars(found)}
        if options["json"]:
            self.print_json(facts)
        else:
            facts["duration"] = duration(facts.pop("seconds"))
            self.print_table(("", ""), [(name.replace("_", " "), value) for name, value in facts.items()])

    def _print_left_out(self, enhancement: Enhancement) -> None:
        reasons = [left_out_text(reason, number) for reason, number in enhancement.omitted.items()]
        if reasons:
            self.stdout.write(f"Left out: {', '.join(reasons)}.")

    def _print_end(self, enhancement: Enhancement, options: dict[str, Any]) -> None:
        current = Enhancement.objects.with_progress().get(pk=enhancement.pk)
        names = ("total", "completed", "failed", "cancelled", "stalled", "open")
        facts = {"id": current.pk, "status": current.status} | {name: getattr(current, name) for name in names}
        facts["held_back"] = current.items.held_back().count()
        if options["json"]:
            self.print_json(facts)
        elif options["wait"]:
            more = [f"{facts[name]} {name}" for name in ("stalled", "open") if facts[name]]
            figures = ", ".join([f"{facts['completed']} completed", f"{facts['failed']} failed", *more])
            self.stdout.write(f"{current.get_status_display()}: {figures}.")
            for item in current.items.exclude(error_message="")[:50]:
                self.stdout.write(f"  {item.label}: {item.error_message}")
            if current.note:
                self.stdout.write(f"  {current.note}")
            self._print_what_to_do(current, facts)
        if options["wait"] and (facts["failed"] or facts["stalled"] or facts["open"]):
            raise SystemExit(1)

    def _print_what_to_do(self, current: Enhancement, facts: dict[str, Any]) -> None:
        if facts["held_back"]:
            self.stdout.write(
                f"{facts['held_back']} pictures were not published: a person has to review them first, in the admin. "
                "Nothing more is spent."
            )
        credential = current.credential
        if facts["stalled"]:
            self.stdout.write(
                "Stalled pictures wait for your decision: “imagery_decide”, or Provider jobs in the admin."
            )
        if facts["open"] and not credential.may_buy:
            why = credential.paused_reason or "it is switched off"
            remedy = (
                f"“imagery_credential resume {credential}”" if credential.paused_at else "Switching it on in the admin"
            )
            self.stdout.write(f"Open pictures wait for the account “{credential}” ({why}). {remedy} continues them.")


def _ids(description: ProductImages, options: dict[str, Any]) -> list[Any]:
    rows = description.model._default_manager.order_by(
        "pk"
    )  # rows that the shop's default manager hides are not selected
    try:
        if options["ids"] is not None:
            rows = rows.filter(pk__in=[part.strip() for part in options["ids"].split(",") if part.strip()])
        elif options["filter"] is not None:
            rows = rows.filter(**pairs(options["filter"]))
        return list(rows.values_list("pk", flat=True))
    except (FieldError, ValueError, ValidationError) as error:
        raise CommandError(f"The products cannot be selected like this: {error}", returncode=2) from error


def _work(options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that say what to do."""
    return {
        "preset": options["preset"] or "",
        "operation": options["operation"] or "",
        "options": pairs(options["option"]),
        "credential": find_credential(options["credential"]) if options["credential"] else None,
        "fresh": options["fresh"],
        "from_present": options["from_present"],
    }
