"""Which files of a repository a pipeline needs: one precision, safetensors only, nothing twice.

model_index.json names the parts. A repository may hold the weights of each several times over (float32, float16, flax,
onnx, pickles), and the whole model once more as a single file beside them. One set of each part is enough.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.errors import KnownError
from desktop.library.wanted import WEIGHTS, check_file_name, folded, plain

INDEX = "model_index.json"
SMALL_BYTES = 100 * 2**20  # what is no weights file is never larger; Gemma's tokenizer.json has 34 MB
_HALF = ("fp16", "bf16")  # in order of preference: every device takes the first
_LEFT_OUT = {"safety_checker", "watermarker"}  # no pipeline here uses them, and the first has 1.2 GB
_PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_TEXTS = (".json", ".txt", ".model", ".jinja")
_PAPERS = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE", "NOTICE.md", "NOTICE.txt")
_NO_WEIGHTS = re.compile(r"(Scheduler|Tokenizer|Processor|FeatureExtractor)(Fast)?$")
_STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
_FILE = re.compile(
    r"(?P<stem>diffusion_pytorch_model|model|pytorch_model)"
    r"(?:\.(?P<before>\w+))?"
    r"(?:-(?P<number>\d{5})-of-(?P<of>\d{5}))?"
    r"(?:\.(?P<after>\w+))?"
    r"\.safetensors"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file as the hub lists it. sha256: of its content, where it is kept apart from git; git_sha1: git's own else.

    Both are hex, and "" where the hub does not tell.
    """

    name: str
    bytes: int
    sha256: str = ""
    git_sha1: str = ""

    @property
    def fingerprint(self) -> str:
        """What new_digest() of its bytes comes to; "" where the hub does not tell."""
        return self.sha256 or self.git_sha1

    def new_digest(self) -> "hashlib._Hash":
        """Empty, of the kind that the fingerprint is of: git's own is of the length and the content."""
        return hashlib.sha256() if self.sha256 else hashlib.sha1(b"blob %d\0" % self.bytes)


def for_pipeline(files: Sequence[RemoteFile], index: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    """What a pipeline of this model_index.json needs. Raises KnownError where that is not there, or not safe."""
    by_folder: dict[str, list[RemoteFile]] = {}
    for file in files:
        folder = file.name.rpartition("/")[0]
        by_folder.setdefault(folder, []).append(file)
    parts = dict(_parts(index))
    precision = _precision([_sets(by_folder.get(part, ()), stem) for part, (stem, _) in parts.items()])
    chosen = [f for f in by_folder.get("", ()) if f.name == INDEX or f.name in _PAPERS]
    for part, (stem, has_weights) in parts.items():
        inside = by_folder.get(part, ())
        if not inside:
            raise KnownError(f"The repository names a part {plain(part)} that is not in it", "Get the model elsewhere.")
        chosen += [f for f in inside if _is_text(f)]
        if has_weights:
            chosen += _weights(part, inside, stem, precision)
    return _checked(chosen)


def for_one_part(files: Sequence[RemoteFile]) -> tuple[RemoteFile, ...]:
    """What a repository needs that is one part by itself, a transformer say: config.json with weights beside it."""
    here = [f for f in files if "/" not in f.name]
    stem = _STEMS["diffusers"]
    weights = _weights("model", here, stem, _precision([_sets(here, stem)]))
    return _checked([f for f in here if f.name == "config.json" or f.name in _PAPERS] + weights)


def is_one_part(files: Sequence[RemoteFile]) -> bool:
    names = [f.name for f in files]
    return "config.json" in names and any(
        "/" not in n and n.startswith("diffusion_pytorch_model") and n.endswith(".safetensors") for n in names
    )


def for_one_file(files: Sequence[RemoteFile], wanted: str) -> tuple[RemoteFile, ...]:
    """The one file of weights. wanted: its name; "" where there is only one to choose."""
    weights = [f for f in files if f.name.endswith(WEIGHTS)]
    if wanted:
        found = [f for f in weights if f.name == wanted]
        if not found:
            raise KnownError(f"There is no file {plain(wanted)} in the repository", _offer(weights))
        return _checked(found)
    if not weights and any(f.name.endswith(_PICKLED) for f in files):
        raise _pickled("The repository's weights")
    if not weights:
        raise KnownError("The repository holds no model that makes pictures", "Name another one.")
    if len(weights) > 1:
        raise KnownError(f"The repository holds {len(weights)} files of weights and no pipeline", _offer(weights))
    return _checked(weights)


def _parts(index: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, bool]]]:
    """Each part with the stem its weights' files have, and whether it has weights at all."""
    for part, entry in index.items():
        if part.startswith("_") or part in _LEFT_OUT or not isinstance(entry, list) or len(entry) != 2:
            continue
        library, name = entry
        if library is None or name is None:
            continue
        check_file_name(part)
        stem = _STEMS["transformers" if library == "transformers" else "diffusers"]
        yield part, (stem, not _NO_WEIGHTS.search(str(name)))


def _is_text(file: RemoteFile) -> bool:
    base = file.name.rpartition("/")[2]
    return base.endswith(_TEXTS) and ".index." not in base and file.bytes <= SMALL_BYTES


def _sets(files: Iterable[RemoteFile], stem: str) -> dict[str, list[RemoteFile]]:
    """The whole sets of weights of one part, by variant: "" for the plain one; a single file before its pieces."""
    single: dict[str, list[RemoteFile]] = {}
    pieces: dict[tuple[str, int], dict[int, RemoteFile]] = {}
    for file in files:
        match = _FILE.fullmatch(file.name.rpartition("/")[2])
        if match is None or match["stem"] != stem or (match["before"] and match["after"]):
            continue
        variant = match["before"] or match["after"] or ""
        if match["of"] is None:
            single[variant] = [file]
        else:
            pieces.setdefault((variant, int(match["of"])), {})[int(match["number"])] = file
    for (variant, count), found in pieces.items():
        if variant not in single and set(found) == set(range(1, count + 1)):
            single[variant] = [found[n] for n in sorted(found)]
    return single


def _precision(parts: Sequence[Mapping[str, object]]) -> str:
    """The half precision that most parts are there in; "" where none is."""
    counts = {half: sum(half in sets for sets in parts) for half in _HALF}
    best = max(_HALF, key=lambda half: counts[half])
    return best if counts[best] else ""


def _weights(part: str, files: Sequence[RemoteFile], stem: str, precision: str) -> list[RemoteFile]:
    sets = _sets(files, stem)
    other = [half for half in _HALF if half in sets]
    variant = next((v for v in (precision, *other, "") if v in sets), None)
    if variant is None:
        if any(f.name.endswith(_PICKLED) for f in files):
            raise _pickled(f"The weights of the {part.replace('_', ' ')}")
        raise KnownError(f"The weights of the {part.replace('_', ' ')} are not all there", "Get the model elsewhere.")
    chosen = sets[variant]
    if len(chosen) == 1:
        return chosen
    end = f".{variant}" if variant else ""
    names = {f"{stem}.safetensors.index{end}.json", f"{stem}{end}.safetensors.index.json"}
    index = [f for f in files if f.name.rpartition("/")[2] in names]
    if not index:
        raise KnownError(f"The list of the weights' pieces of {part} is missing", "Get the model elsewhere.")
    return [*chosen, index[0]]


def _checked(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """The same, once every name is safe to write and none of them takes another's place."""
    taken: set[str] = set()
    for file in files:
        check_file_name(file.name)
        name = folded(file.name)
        if name in taken:
            raise KnownError(f"The repository holds {file.name[:80]} twice", "Get the model elsewhere.")
        taken.add(name)
    return tuple(files)


def _pickled(what: str) -> KnownError:
    return KnownError(
        f"{what} are there as a pickle only, and a pickle can run any program when it is opened",
        "Choose a model in safetensors format.",
    )


def _offer(weights: Sequence[RemoteFile]) -> str:
    names = [plain(f.name) for f in weights[:4]]
    more = " and others" if len(weights) > 4 else ""
    return f"Write owner/name/file; there is {', '.join(names)}{more}." if names else "Name another one."
