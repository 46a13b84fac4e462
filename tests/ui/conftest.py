from __future__ import annotations

from tests.studied import gallery_only, ground, pixels, sessions, shop, studied, studied_session, tabs

__all__ = ["gallery_only", "ground", "pixels", "sessions", "shop", "studied", "studied_session", "tabs"]
