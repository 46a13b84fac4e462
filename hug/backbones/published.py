"""A published model's files: a folder as `save_pretrained` writes it, or a Hub id at a revision.

Nothing is unpickled and no code of a repository is run: JSON, text, sentencepiece and safetensors only.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.utils import logging

from hug.backbones import BackboneError
from hug.backbones.preprocessing import Preprocessing
from hug.console import given_path, is_path
from hug.hub import TooLargeError, download

BYTES = 64 * 2**30  # that are downloaded; the largest BLIP-2 has half of it
PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
WEIGHTS = "*.safetensors"
READ = ("config.json", "pre*or_config.json", "processor_config.json", "token*.json", "special_tokens_map.json",
        "vocab.json", "vocab.txt", "merges.txt", "*.model", WEIGHTS)  # fmt: skip


TYPES = {"blip2": "blip-2", "clip": "clip", "siglip": "siglip"}  # what config.json calls a kind


@dataclass(frozen=True)
class Published:
    """Where a model's files lie and which they are."""

    kind: str
    source: str  # a folder or a Hub id
    revision: str  # the commit of a Hub model; "" of a folder
    folder: Path

    @staticmethod
    def find(kind: str, source: str, revision: str = "") -> "Published":
        """Raises BackboneError, in one sentence, for a folder that isn't there or a Hub model that can't be had."""
        folder, commit = given_path(source), ""
        if folder.is_dir():
            if revision:
                raise BackboneError(f"{source} is a folder, which has no revision {revision!r}; leave out @{revision}")
            source = str(folder)  # a checkpoint keeps it, whatever folder the next command is called in
        elif is_path(source):
            raise BackboneError(f"{kind}: there is no folder {source}; give a folder or a Hub id such as owner/name")
        else:
            folder = _download(kind, source, revision)
            commit = folder.name
        for name in ("config.json", WEIGHTS):
            if not any(folder.glob(name)):
                raise BackboneError(f"{kind}:{source} holds no {name}; give a folder that save_pretrained wrote")
        published = Published(kind, source, commit, folder)
        if (model := published.config.get("model_type")) != TYPES[kind]:
            raise BackboneError(f"{published.name} is a model of type {model!r}; {kind} reads {TYPES[kind]} alone")
        return published

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.source}"

    @cached_property
    def config(self) -> dict[str, Any]:
        """`config.json`."""
        try:
            config = json.loads((self.folder / "config.json").read_text())
            if not isinstance(config, dict):
                raise ValueError("it is no object")
            return config
        except (ValueError, OSError) as error:
            raise BackboneError(f"{self.name}: config.json can't be read ({error})") from error

    def model(self, kind: Any, **options: Any) -> Any:
        """A network of a class of the library's, in float32 and evaluation mode, frozen.

        Raises BackboneError when weights lack or don't fit.
        """
        bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
        logging.disable_progress_bar()
        logging.set_verbosity(logging.CRITICAL)  # what it would warn of is an error below
        try:
            model, loaded = kind.from_pretrained(
                self.folder, output_loading_info=True, use_safetensors=True, local_files_only=True, dtype="float32",
                **options,
            )  # fmt: skip
        except Exception as error:  # the library raises almost anything on damaged files; all of it means the same
            raise BackboneError(f"{self.name} can't be loaded ({_line(error)}); copy or download it again") from error
        finally:
            logging.set_verbosity(level)
            if bar:
                logging.enable_progress_bar()
        absent = sorted({*loaded["missing_keys"], *(str(key) for key in loaded["mismatched_keys"])})
        if absent:
            raise BackboneError(
                f"{self.name} lacks {len(absent)} of the weights that {kind.__name__} needs, such as {absent[0]}; "
                f"take a checkpoint that has them"
            )
        return model.eval().requires_grad_(False)

    def tokenizer(self) -> Any:
        return self._part(AutoTokenizer, "tokenizer")

    def image_processor(self) -> Any:
        return self._part(AutoImageProcessor, "image processor")

    def _part(self, kind: Any, what: str) -> Any:
        try:
            return kind.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise BackboneError(f"{self.name}: its {what} can't be read ({_line(error)})") from error

    def fingerprint(self, version: int, preprocessing: Preprocessing) -> str:
        """32 hex digits that change whenever a token may change: a hash over the files and how they are used."""
        files = {path for pattern in READ for path in self.folder.glob(pattern) if path.is_file()}
        identity = {
            "version": version,
            "kind": self.kind,
            "files": {path.name: _sha256(path) for path in sorted(files)},
            "preprocessing": preprocessing.model_dump(),
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


def _download(kind: str, source: str, revision: str) -> Path:
    try:
        return download(source, revision or None, PATTERNS, BYTES, BYTES)
    except TooLargeError as error:
        raise BackboneError(f"{kind}: {error}") from error
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        at = f" at {revision}" if revision else ""
        raise BackboneError(
            f"{kind}: there is no folder {source}, and the Hub gave no model {source}{at} ({type(error).__name__}); "
            "without a network give a folder, or a model that was downloaded before"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(error: Exception) -> str:
    """The first line of what a library says, short enough for a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
