"""All work of the package, as plain functions that admin, API, commands and tasks call.

A room is a subject. Calls go down the floors, as Import Linter checks::

    7  worker         the loop that runs all due work; what it does regularly; health
    6  inbound        webhook deliveries of providers: stored, verified, taken as a reason to look
    5  hosted         one call of a hosted provider, from a leased job to its outcome
       local_jobs     one run of the local engine
    4  enhancements   start, prepare, cancel, retry, reconcile: what people and programs ask for
       results        fetch, review, publish, restore
    3  jobs           which are due; what follows from their ends for items and enhancements
    2  events         the outbox, and its delivery to receivers
       money          budgets, the ledger, and the guard against a restored database
       retention      what is forgotten after a while
    1  guard          what keeps one failure from stopping the others
       identity       which picture is which, whatever its file is called
       log_ids        ids that log records carry
"""
