from __future__ import annotations

from tests.shelves import gallery_only, ground, pixels, shelf, shop, studied, studied_bench

__all__ = ["gallery_only", "ground", "pixels", "shelf", "shop", "studied", "studied_bench"]
