"""The commands about what a stop or a crash left undone."""

import argparse
import json
import queue

from desktop.console import Printer, open_studio, run
from desktop.messages import Event
from desktop.settings import Folders


def main(folders: Folders, arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    studio = open_studio(folders, events.put)
    try:
        if arguments.action == "resume":
            requests = list(studio.queue.adopt())
            return run(studio, events, requests, Printer(arguments.json), keep=True, stopped_stay=True)
        for request in studio.queue.load():
            if arguments.json:
                print(json.dumps({"prompt": request.prompt, "seed": request.seed, "model": request.model}))
            else:
                print(f"{request.prompt}  (seed {request.seed}, {request.model})")
        return 0
    finally:
        studio.close()
