"""The story, in order. Each step is a plain function; doors (admin, API, commands, tasks) call them.

    start    a selection becomes an enhancement with items and jobs                     → queued
    submit   a claimed job is handed to its provider                       queued → processing → completed, failed
    fetch    finished pictures are stored and written down
    review   approve, reject, regenerate; cancel and retry are in ``steer``
    publish  an approved picture goes onto its product; restore takes it back
    sweep    what nobody moves: dead claims, old selections, scratch files
    pump     does all due work; what a task and ``imagery_worker`` run

Calls go only downwards in this list, and ``pump`` calls them all.
"""

from __future__ import annotations
