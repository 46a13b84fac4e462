"""Published models in tiny random sizes: the library's own classes, tokenizers and processors, saved as on the Hub.

Only the numbers and the download differ from what is published.
"""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import (
    BertTokenizer,
    Blip2Config,
    Blip2ForImageTextRetrieval,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    SiglipConfig,
    SiglipModel,
    SiglipTokenizer,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

KINDS = ("blip2", "clip", "siglip")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIZE, PATCH = 28, 7  # 16 patches
WORDS = re.findall(
    r"\w+",
    "is are has have with without and or but not no the a an it more less same like red blue green black white grey "
    "long short sleeves sleeve sleeveless dress shirt top neck collar v round striped plain dotted pattern logo "
    "darker lighter floral lace longer shorter different color colour in on of please something nicer",
)


def tower(kind: str, folder: Path) -> Path:
    """A folder as `save_pretrained` writes it: weights, configuration, tokenizer and image processor; seed 0."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        {"blip2": _blip2, "clip": _clip, "siglip": _siglip}[kind](folder)
    return folder


def on_the_hub(folder: Path, cache: Path, name: str) -> Path:
    """A copy of a folder where the Hub's client keeps downloads of `name`, as branch `main` and the commit COMMIT."""
    home = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


def _wide(model: torch.nn.Module) -> None:
    """Weights at which every part of an input reaches the output: the library's start is nearly constant when small."""
    for value in model.parameters():
        if value.ndim > 1:
            torch.nn.init.normal_(value, std=min(1.0, 1.5 / value.shape[-1] ** 0.5))


def _blip2(folder: Path) -> None:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = [*specials, *letters, *(f"##{letter}" for letter in letters), *WORDS]
    tokenizer = BertTokenizer(vocab={piece: n for n, piece in enumerate(dict.fromkeys(pieces))})
    tokenizer.save_pretrained(folder)
    config = Blip2Config(
        vision_config={
            "hidden_size": 20, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": SIZE, "patch_size": PATCH,
        },
        qformer_config={
            "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 40,
            "encoder_hidden_size": 20, "vocab_size": len(tokenizer), "max_position_embeddings": 64,
            "cross_attention_frequency": 2, "use_qformer_text_input": True,
        },
        num_query_tokens=6, image_text_hidden_size=8,
    )  # fmt: skip
    model = Blip2ForImageTextRetrieval(config)
    _wide(model)
    torch.nn.init.normal_(model.query_tokens)
    model.save_pretrained(folder)
    BlipImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)


def _clip(folder: Path) -> None:
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*bytes_, *(f"{letter}</w>" for letter in bytes_), "re", "red</w>", "<|startoftext|>", "<|endoftext|>"]
    merges = [("r", "e"), ("re", "d</w>")]
    tokenizer = CLIPTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=merges, model_max_length=40)
    tokenizer.save_pretrained(folder)
    last = len(pieces) - 1
    small = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={
            **small, "vocab_size": len(pieces), "max_position_embeddings": 40, "bos_token_id": last - 1,
            "eos_token_id": last, "pad_token_id": last,
        },
        vision_config={**small, "hidden_size": 20, "image_size": SIZE, "patch_size": PATCH}, projection_dim=8,
    )  # fmt: skip
    model = CLIPModel(config)
    _wide(model)
    model.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}).save_pretrained(
        folder
    )


def _siglip(folder: Path) -> None:
    import sentencepiece

    model_file, sentences = io.BytesIO(), [" ".join(WORDS[n : n + 5]) for n in range(len(WORDS))]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model_file, vocab_size=120, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=9, hard_vocab_limit=False,
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(model_file.getvalue())
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), model_max_length=24, model_input_names=["input_ids"])
    tokenizer.save_pretrained(folder)
    small = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SiglipConfig(
        text_config={**small, "vocab_size": len(tokenizer), "max_position_embeddings": 24, "projection_size": 24},
        vision_config={**small, "hidden_size": 20, "image_size": SIZE, "patch_size": PATCH},
    )
    model = SiglipModel(config)
    _wide(model)
    model.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
