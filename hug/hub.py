"""Models of the Hub: what would come is asked first, and downloaded when it is within bounds and there is room."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import filter_repo_objects

from hug.bounded import JSON_BYTES

GB = 10**9
TEXTS = (".json", ".jsonl", ".md", ".txt")  # each at most JSON_BYTES
FILES = 10_000  # of a repository


class TooLargeError(ValueError):
    """A repository that is not downloaded: it is beyond a bound, or there is no room for it."""


def download(name: str, revision: str | None, patterns: Sequence[str], each: int, whole: int) -> Path:
    """The folder with a repository's files: at most `each` bytes in a file and `whole` in all.

    Where the Hub can't be reached it is the copy that is here. Raises TooLargeError before anything comes, OSError or
    HfHubHTTPError when there is no such model or no way to it.
    """
    wanted = list(patterns)
    try:
        facts = HfApi().model_info(name, revision=revision, files_metadata=True)
    except HFValidationError:
        raise
    except Exception as error:  # of the network almost anything
        try:
            return Path(snapshot_download(name, revision=revision, allow_patterns=wanted, local_files_only=True))
        except FileNotFoundError:
            if isinstance(error, (HfHubHTTPError, OSError)):
                raise error from None
            raise ConnectionError(str(error)) from error
    siblings = filter_repo_objects(facts.siblings or (), allow_patterns=wanted, key=lambda file: file.rfilename)
    check(name, facts.sha, {file.rfilename: file.size for file in siblings}, each, whole)
    folder = snapshot_download(name, revision=facts.sha, allow_patterns=wanted)  # of these sizes, whatever is pushed
    with suppress(Exception):  # which commit a name was of is only for a time without a network
        HfApi().resolve_revision(name, revision=revision)
    return Path(folder)


def check(name: str, commit: str | None, sizes: Mapping[str, int | None], each: int, whole: int) -> None:
    """Compare the bytes of a repository's files with the bounds, and of those that aren't here with the disk.

    Raises TooLargeError for the first that doesn't fit.
    """
    if len(sizes) > FILES:
        raise TooLargeError(f"{name} has {len(sizes)} files; at most {FILES} are downloaded")
    bytes_of = {file: size for file, size in sizes.items() if size is not None}
    for file in sizes:
        most = min(each, JSON_BYTES) if file.endswith(TEXTS) else each
        if bytes_of.get(file, most + 1) > most:
            size = f"{bytes_of[file] / GB:.2f} GB" if file in bytes_of else "an untold size"
            raise TooLargeError(f"{name}: {file[:80]} has {size}; at most {most / GB:.2f} GB are downloaded")
    if (total := sum(bytes_of.values())) > whole:
        raise TooLargeError(f"{name} has {total / GB:.2f} GB; at most {whole / GB:.2f} GB are downloaded")
    here = {file for file in bytes_of if isinstance(try_to_load_from_cache(name, file, revision=commit), str)}
    needs, cache = sum(size for file, size in bytes_of.items() if file not in here), Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(place for place in (cache, *cache.parents) if place.exists())).free
    if needs > free:
        raise TooLargeError(
            f"{name} has {needs / GB:.2f} GB to download and {cache} has {free / GB:.2f} GB free; "
            "make room, or name another folder with HF_HOME"
        )
