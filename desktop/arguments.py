"""The command line's words."""

import argparse
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn, get_args

from desktop import __version__
from desktop.grids.axis import SETTINGS
from desktop.messages import SCHEDULERS
from desktop.settings import MemoryMode


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every error of this program does."""

    def error(self, message: str) -> NoReturn:
        print(f"safelight: {message}. Type {self.prog} --help for what there is.", file=sys.stderr)
        raise SystemExit(2)


def parse(argv: list[str]) -> argparse.Namespace:
    """argv: without the program's name. Exits with 2 and one line on stderr for what makes no sense.

    The result has command (None opens the window), data, opened (a file for the window to begin with, or None), and
    what the command takes.
    """
    parser, commands = _parser()
    opened, rest = _opened(argv, commands)
    if opened is not None and not _is_there(opened):
        parser.error(f"there is no file {opened}, and no command of that name")
    return parser.parse_args(rest, argparse.Namespace(opened=opened))


def _opened(argv: list[str], commands: Collection[str]) -> tuple[str | None, list[str]]:
    """(the file that stands where a command would, the other words). A file looks like one, or is there."""
    after_data = False
    for index, word in enumerate(argv):
        if after_data or word.startswith("-"):
            after_data = word == "--data"
            continue
        if word not in commands and (Path(word).suffix or os.sep in word or _is_there(word)):
            return word, argv[:index] + argv[index + 1 :]
        break
    return None, argv


def _is_there(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):  # longer than a file's name may be, as a prompt is
        return False


def _parser() -> tuple[argparse.ArgumentParser, Collection[str]]:
    """(the parser, the names of its commands)."""
    parser = _Parser(
        prog="safelight",
        description="Pictures from diffusion models, on your own machine.",
        epilog="Without a command the window opens, and safelight FILE opens it with a picture to start from.",
    )
    parser.add_argument("--version", action="version", version=f"safelight {__version__}")
    parser.add_argument(
        "--self-check", action="store_true", help="try every part of this installation, and say whether it is whole"
    )
    parser.add_argument("--data", metavar="DIR", help="keep settings, database, pictures and models under DIR")
    common = _Parser(add_help=False)
    common.add_argument("--data", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    json = _Parser(add_help=False)
    json.add_argument("--json", action="store_true", help="print one event a line, as JSON")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    generate = commands.add_parser("generate", parents=[common, json], help="make pictures from a prompt")
    _add_drawing(generate)
    generate.add_argument("--count", type=int, default=1, metavar="N", help="seeds go up by one")

    grid = commands.add_parser("grid", parents=[common, json], help="one picture for each pair of two settings' values")
    _add_drawing(grid)
    grid.add_argument("--x", required=True, metavar="SETTING=VALUES", help="across, such as steps=10-40:10")
    grid.add_argument("--y", metavar="SETTING=VALUES", help=f"down; SETTING is one of {', '.join(SETTINGS)}")
    grid.add_argument("--from", dest="trunk", metavar="IMAGE", help="let all of them grow from a step of this picture")
    grid.add_argument("--step", type=int, metavar="K", help="how many of its steps they share")

    replay = commands.add_parser("replay", parents=[common, json], help="make a picture again from its file")
    replay.add_argument("image")

    branch = commands.add_parser("branch", parents=[common, json], help="go on from a step of a picture's own chain")
    branch.add_argument("image")
    branch.add_argument("--step", type=int, required=True, metavar="K", help="how many of its steps are kept")
    branch.add_argument("--prompt", metavar="T", help="what the picture should show from there on")
    branch.add_argument("--negative", metavar="T")
    branch.add_argument("--guidance", type=float, metavar="G")
    branch.add_argument("--seed", type=int, metavar="N", help="of the noise still to be drawn")
    branch.add_argument("--scheduler", choices=SCHEDULERS, metavar="NAME", help="go on with another one")
    branch.add_argument("--count", type=int, default=1, metavar="N", help="so many different pictures from the step on")
    branch.add_argument("--out", metavar="DIR", help="write the pictures here, not into the gallery")

    timeline = commands.add_parser("timeline", parents=[common], help="the steps a picture came by")
    timeline.add_argument("image", nargs="?")
    timeline.add_argument("--export", metavar="FILE", help="as .gif, .webp, .mp4, or a strip as .png or .jpg")
    timeline.add_argument("--noisy", action="store_true", help="the noisy states instead of the predicted pictures")
    timeline.add_argument("--usage", action="store_true", help="how much room the steps of all pictures take")
    timeline.add_argument("--limit", type=_bytes, metavar="SIZE", help="how much they may take, as 500MB; 0 keeps none")

    attention = commands.add_parser(
        "attention", parents=[common, json], help="which part of a picture each word of its prompt drew"
    )
    attention.add_argument("image")
    attention.add_argument("--out", required=True, metavar="DIR", help="write one picture a word here")
    attention.add_argument("--word", action="append", default=[], metavar="W", help="only this one; may be repeated")

    noise = commands.add_parser("noise", parents=[common], help="the forward process: a picture at a timestep")
    noise.add_argument("image")
    noise.add_argument("--step", type=int, required=True, metavar="T", help="0 (the picture) to the last (noise)")
    noise.add_argument("--out", required=True, metavar="F", help="a .png file")
    noise.add_argument("--model", metavar="M", default="starter", help="whose noise schedule")
    noise.add_argument("--seed", type=int, default=0, metavar="N")

    models = commands.add_parser("models", parents=[common], help="the models on this machine")
    model_commands = models.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    model_commands.add_parser("list", parents=[common, json], help="name, size and folder of each")
    add = model_commands.add_parser("add", parents=[common], help="use a model's folder or file where it is")
    add.add_argument("path")
    forget = model_commands.add_parser("forget", parents=[common], help="take one that was added out of the list")
    forget.add_argument("name")
    model_commands.add_parser("check", parents=[common], help="look at every file of every model")

    _add_getting(model_commands, [common, json])

    gallery = commands.add_parser("gallery", parents=[common], help="the pictures made so far")
    gallery_commands = gallery.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    search = gallery_commands.add_parser("search", parents=[common, json], help="pictures by their prompt")
    search.add_argument("text")
    export = gallery_commands.add_parser("export", parents=[common], help="copy pictures and their list into a folder")
    export.add_argument("folder", metavar="DIR")
    export.add_argument("--text", metavar="T", default="", help="only those with these words in the prompt")
    gallery_commands.add_parser("rebuild", parents=[common], help="read the pictures folder anew")

    waiting = commands.add_parser("queue", parents=[common], help="what a stop or a crash left undone")
    queue_commands = waiting.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    queue_commands.add_parser("list", parents=[common, json], help="the prompts that wait")
    queue_commands.add_parser("resume", parents=[common, json], help="make them, the unfinished one from where it was")

    report = commands.add_parser(
        "report", parents=[common], help="log, versions and device in one file, for whoever helps"
    )
    report.add_argument("file", metavar="FILE", help="a .zip file")
    report.add_argument("--prompts", action="store_true", help="with your prompts, which are left out otherwise")

    train = commands.add_parser("train", add_help=False, help="make the built-in model: `train starter --help`")
    train.add_argument("rest", nargs=argparse.REMAINDER)  # the training package reads its own arguments
    return parser, commands.choices


def _add_drawing(command: argparse.ArgumentParser) -> None:
    """What the commands take that draw from a prompt."""
    command.add_argument("prompt")
    command.add_argument("--negative", metavar="TEXT", default="", help="what the picture should not show")
    command.add_argument(
        "--model", metavar="M", default="starter", help="a name from `models list`, a folder or a file"
    )
    command.add_argument("--seed", type=int, metavar="N", help="the same seed makes the same picture")
    command.add_argument("--steps", type=int, metavar="N")
    command.add_argument("--guidance", type=float, metavar="G", help="how strictly to follow the prompt")
    command.add_argument("--size", type=_size, metavar="WxH")
    command.add_argument("--scheduler", choices=SCHEDULERS, metavar="NAME", help=", ".join(SCHEDULERS))
    command.add_argument(
        "--lora", action="append", default=[], type=_lora, metavar="FILE[:WEIGHT]", help="may be repeated"
    )
    command.add_argument(
        "--embedding", action="append", default=[], metavar="FILE", help="a textual inversion; its word is its name"
    )
    command.add_argument("--init", metavar="IMAGE", help="start from this picture instead of noise")
    command.add_argument("--strength", type=float, metavar="S", help="how much of it to replace, 0 to 1")
    command.add_argument("--mask", metavar="IMAGE", help="redraw the white part of the start picture, keep the black")
    command.add_argument(
        "--memory",
        choices=get_args(MemoryMode),
        default="auto",
        metavar="HOW",
        help="how a model that is large for the GPU is kept: auto, device, offload, 8bit, sequential",
    )
    command.add_argument("--out", metavar="DIR", help="write the pictures here, not into the gallery")


def _add_getting(commands: "argparse._SubParsersAction[_Parser]", parents: list[argparse.ArgumentParser]) -> None:
    common, json = parents
    pull = commands.add_parser("pull", parents=[common, json], help="fetch a model from the hub")
    pull.add_argument("model", metavar="MODEL", help="a name from `models catalogue`, owner/name, or owner/name/file")
    pull.add_argument("--yes", action="store_true", help="agree to the licence without being asked")
    commands.add_parser("catalogue", parents=[common, json], help="models worth having, and whether they fit here")
    token = commands.add_parser("token", parents=[common], help="keep an access token, read from the input")
    token.add_argument("--forget", action="store_true", help="remove it from the system's keyring")


def _lora(text: str) -> tuple[str, float]:
    """A path may hold a colon itself; what follows the last one is the weight where it is a number."""
    path, colon, weight = text.rpartition(":")
    try:
        return (path, float(weight)) if colon and path else (text, 1.0)
    except ValueError:
        return text, 1.0


def _bytes(text: str) -> int:
    """As file managers write them, a thousand bytes to the kilobyte."""
    import re

    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([kmgt]?)b?", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it like 500MB or 2GB")
    return round(float(found[1]) * 1000 ** " kmgt".index(found[2] or " "))


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it like 256x256")
    return int(width), int(height)
