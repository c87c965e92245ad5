"""The command that shows which part of a picture each word of its prompt drew."""

import argparse
import json
import queue

from desktop.console import Printer, open_studio, run
from desktop.errors import KnownError
from desktop.files import check_writable, user_path, write_atomically
from desktop.messages import AttentionSeen, Event
from desktop.prompt_words import words_of
from desktop.settings import Folders
from desktop.store.heat_overlay import overlay
from desktop.store.names import slug
from desktop.store.picture_file import open_picture, png_bytes
from desktop.store.recipe import read_request


def main(folders: Folders, arguments: argparse.Namespace) -> int:
    """Makes the picture again, recording, and writes one overlay a word; returns the exit status. Raises KnownError."""
    path = user_path(arguments.image).absolute()
    request = read_request(path)
    wanted = {word.casefold() for word in arguments.word}
    typed = [word.text for word in words_of(request.prompt)]
    for word in arguments.word:
        if word.casefold() not in {other.casefold() for other in typed}:
            raise KnownError(f"The prompt has no word {word[:60]!r}", f"Its words are {', '.join(typed)[:300]}.")
    out = user_path(arguments.out).absolute()
    check_writable(out)  # before the time is spent
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    found: list[AttentionSeen] = []

    def emit(event: Event) -> None:
        if isinstance(event, AttentionSeen):
            found.append(event)
        events.put(event)

    studio = open_studio(folders, emit)
    try:
        printer = Printer(arguments.json, paths=False)
        status = run(studio, events, [request], printer, submit=lambda _: studio.attend(str(path)))
    finally:
        studio.close()
    if status or not found:
        return status
    picture = open_picture(path)
    told = []
    for heat in found[0].words:
        if wanted and heat.word.casefold() not in wanted:
            continue
        place = 1 + [word.start for word in words_of(request.prompt)].index(heat.start)
        file = out / f"{path.stem}_{place:02d}-{slug(heat.word)}.png"
        write_atomically(file, png_bytes(overlay(picture, heat)))
        told.append({"word": heat.word, "path": str(file), "low": round(heat.low, 4), "high": round(heat.high, 4)})
    if arguments.json:
        unread, identical = list(found[0].unread), found[0].identical
        print(json.dumps({"event": "attention", "words": told, "unread": unread, "identical": identical}))
    else:
        for line in told:
            print(line["path"])
    return 0
