"""How the page looks: system fonts only, so that it makes no request to anybody else."""

from __future__ import annotations

from pathlib import Path

from gradio import themes

STYLE = Path(__file__).parents[1] / "assets" / "style.css"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
BLUE, DARKER = "#0072B2", "#005A8E"


def theme() -> themes.Base:
    """Gradio's default look in system fonts."""
    return themes.Default(
        primary_hue="blue",
        neutral_hue="slate",
        radius_size="sm",
        font=list(FONTS),
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        button_primary_background_fill=BLUE,
        button_primary_background_fill_dark=BLUE,
        button_primary_background_fill_hover=DARKER,
        button_primary_background_fill_hover_dark=DARKER,
    )
