"""All work of the package, as plain functions that admin, API, commands and tasks call.

A room is a subject. Calls go down the floors, and a machine checks it::

    6  worker         the loop that runs all due work; what it does regularly; health
    5  inbound        webhook deliveries of providers: stored, verified, taken as a reason to look
    4  hosted         one call of a hosted provider, from a leased job to its outcome
       local_jobs     one run of the local engine
    3  enhancements   start, prepare, cancel, retry, reconcile: what people and programs ask for
       results        fetch, review, publish, restore
    2  jobs           which are due; what follows from their ends for items and enhancements
    1  events         the outbox, and its delivery to receivers
       money          budgets, the ledger, and the guard against a restored database
       retention      what is forgotten after a while
    0  guard          what keeps one failure from stopping the others
       identity       which picture is which, whatever its file is called
       log_ids        ids that log records carry
"""
