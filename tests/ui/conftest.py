from __future__ import annotations

from tests.studied import experiments, gallery_only, pixels, sessions, shop, studied, studied_session, tabs

__all__ = ["experiments", "gallery_only", "pixels", "sessions", "shop", "studied", "studied_session", "tabs"]
