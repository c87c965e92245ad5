"""The commands: the same engine, with no window."""

import argparse
import json
import logging
import queue

from desktop.console import Printer, open_studio, run
from desktop.drawing_arguments import check_start, request_of
from desktop.errors import KnownError
from desktop.files import check_writable, user_path
from desktop.messages import Event
from desktop.settings import Folders, find_folders
from desktop.studio import save_into


def main(arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError, KeyboardInterrupt."""
    logging.getLogger("desktop").addHandler(logging.NullHandler())  # a traceback goes out once, as the Failed event
    if arguments.command == "train":
        try:
            from desktop.training import main as train
        except ModuleNotFoundError as error:  # the installed application leaves it out
            raise KnownError(
                "The installed Safelight cannot train models",
                "Use its source tree: ./packaging/run train starter --help.",
            ) from error

        return train(arguments.rest)
    folders = find_folders(arguments.data)
    match arguments.command:
        case "generate":
            return _generate(folders, arguments)
        case "replay":
            return _replay(folders, arguments)
        case "branch":
            from desktop import timeline_commands

            return timeline_commands.branch(folders, arguments)
        case "timeline":
            from desktop import timeline_commands

            return timeline_commands.timeline(folders, arguments)
        case "attention":
            from desktop import attention_command

            return attention_command.main(folders, arguments)
        case "grid":
            from desktop import grid_command

            return grid_command.main(folders, arguments)
        case "models":
            from desktop import model_commands

            return model_commands.main(folders, arguments)
        case "noise":
            from desktop import noise_command

            return noise_command.main(folders, arguments)
        case "queue":
            from desktop import queue_commands

            return queue_commands.main(folders, arguments)
        case "gallery":
            from desktop import gallery_commands

            return gallery_commands.main(folders, arguments)
        case "report":
            return _report(folders, arguments)
    raise AssertionError(arguments.command)


def _report(folders: Folders, arguments: argparse.Namespace) -> int:
    """The device is not in it: finding out takes torch, which may be what fails."""
    from desktop import report
    from desktop.store.database import Database
    from desktop.store.history import History

    path = user_path(arguments.file)
    folders.make()
    database = Database(folders.database)
    try:
        print(report.save(path, folders, History(database), device="", with_prompts=arguments.prompts))
    finally:
        database.close_all()
    return 0


def _generate(folders: Folders, arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.count <= 1000:
        raise KnownError(f"The count is {arguments.count}", "Use a whole number from 1 to 1000.")
    check_start(arguments)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    save = None
    if arguments.out is not None:
        out = user_path(arguments.out).absolute()
        check_writable(out)  # before the time is spent
        save = save_into(out)
    studio = open_studio(folders, events.put, save=save, memory_mode=arguments.memory)
    try:
        request = request_of(arguments, studio)
        requests = [request.replace(seed=request.seed + n) for n in range(arguments.count)]
        return run(studio, events, requests, Printer(arguments.json), keep=save is None)
    finally:
        studio.close()


def _replay(folders: Folders, arguments: argparse.Namespace) -> int:
    from desktop.replay import Replay

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # its put may interrupt its get
    replay = Replay(user_path(arguments.image))
    studio = open_studio(folders, events.put, save=replay.keep, open_start=replay.open_start)
    try:
        status = run(studio, events, [replay.request], Printer(as_json=False, paths=False))
    finally:
        studio.close()
    if status:
        return status
    result = replay.compare()
    if arguments.json:
        print(json.dumps({"event": "replayed"} | result.to_json()))
    else:
        print(result.words())
    return 0
