"""Decide about requests whose outcome is unknown."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery import history
from product_imagery.flows.enhancements import reconcile
from product_imagery.management.base import ImageryCommand, find_credential
from product_imagery.models import ProviderJob


class Command(ImageryCommand):
    """Lists the jobs that wait for a decision if none is given."""

    help = (
        "List provider jobs whose outcome is unknown, or decide about them. "
        "Sending a job again costs a second time if the provider has accepted it: check there first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="of provider jobs")
        parser.add_argument("--credential", metavar="LABEL", help="all waiting jobs of this account")
        parser.add_argument("--all", action="store_true", help="all waiting jobs")
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--send-again", action="store_true", help="it was not accepted; may cost a second time")
        decision.add_argument("--give-up", action="store_true", help="end it as failed; the reserved cost stays booked")
        decision.add_argument(
            "--is", dest="remote_id", metavar="REMOTE_ID", help="it was accepted under this id: fetch it (one job)"
        )
        self.add_user(parser)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        decides = options["send_again"] or options["give_up"] or options["remote_id"] is not None
        if sum([bool(options["ids"]), bool(options["credential"]), options["all"]]) > 1:
            raise CommandError("Choose by ids, --credential or --all: only one of them.", returncode=2)
        if decides and not (options["ids"] or options["credential"] or options["all"]):
            raise CommandError("Choose jobs: ids, --credential LABEL or --all. Nothing was decided.", returncode=2)
        jobs = _chosen(options)
        if not decides:
            self._list(jobs, options)
        elif options["remote_id"] is not None:
            self._adopt(jobs, options)
        else:
            self._decide(jobs, reconcile.SEND_AGAIN if options["send_again"] else reconcile.GIVE_UP, options)

    def _list(self, jobs: list[ProviderJob], options: dict[str, Any]) -> None:
        facts = [_facts(job) for job in jobs]
        if options["json"]:
            self.print_json(facts)
            return
        if not facts:
            self.stdout.write("No job waits for a decision.")
            return
        head = ("id", "account", "operation", "pictures", "cost_again", "may_be")
        shown = [{**fact, "may_be": ", ".join(fact["may_be"])} for fact in facts]
        self.print_table(head, [[fact[name] for name in head] for fact in shown])
        for fact in facts:
            self.stdout.write(f"  {fact['id']}: {fact['note']}")

    def _adopt(self, jobs: list[ProviderJob], options: dict[str, Any]) -> None:
        if len(jobs) != 1 or not options["ids"]:
            raise CommandError("--is REMOTE_ID needs the id of exactly one job. Nothing was decided.", returncode=2)
        user = self.user(options)
        reconcile.adopt(jobs[0], options["remote_id"], user)
        history.decided(user, jobs)
        self._report([jobs[0].pk], {}, options, "now read from the provider, which costs nothing")

    def _decide(self, jobs: list[ProviderJob], choice: str, options: dict[str, Any]) -> None:
        user = self.user(options)
        done, refusals = reconcile.decide_all(jobs, choice, user)
        history.decided(user, done)
        what = "sent again" if choice == reconcile.SEND_AGAIN else "given up; their reserved costs stay booked"
        self._report([job.pk for job in done], refusals, options, what)
        if refusals:
            raise CommandError(" ".join(refusals))

    def _report(self, done: list[int], refusals: Any, options: dict[str, Any], what: str) -> None:
        if options["json"]:
            self.print_json({"decided": done, "refused": dict(refusals)})
        else:
            self.stdout.write(f"{len(done)} jobs: {what}.")


def _chosen(options: dict[str, Any]) -> list[ProviderJob]:
    jobs = reconcile.stalled().order_by("pk")
    if options["credential"]:
        jobs = jobs.filter(credential=find_credential(options["credential"]))
    if options["ids"]:
        jobs = jobs.filter(pk__in=options["ids"])
    found = list(jobs)
    missing = set(options["ids"]) - {job.pk for job in found}
    if missing:
        names = ", ".join(map(str, sorted(missing)))
        raise CommandError(f"These jobs do not wait for a decision: {names}. Nothing was decided.")
    return found


def _facts(job: ProviderJob) -> dict[str, Any]:
    return {
        "id": job.pk,
        "account": job.credential.label,
        "operation": job.operation,
        "pictures": len(job.items.all()),
        "sent_at": job.sent_at,
        "accepted": job.accepted_at is not None,
        "may_be": [job.remote_id] if job.remote_id else [one.remote_id for one in job.candidates],
        "cost_again": reconcile.cost_again(job),
        "currency": job.credential.declared.currency,
        "note": job.note,
    }
