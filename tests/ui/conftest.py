from __future__ import annotations

from tests.shelves import gallery_only, ground, pixels, shelf, shop, studied, studied_bench, tabs

__all__ = ["gallery_only", "ground", "pixels", "shelf", "shop", "studied", "studied_bench", "tabs"]
