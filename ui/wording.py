"""Every sentence of the page and its endpoints."""

from __future__ import annotations

TITLE = "HUG: image search one can question"
INTRO = (
    "Give a picture and say what should be different. The answer comes with what the model is unsure about: "
    "the **picture**, the **words**, or whether the two **fit**."
)
MODEL = "model **{name}** · objective {objective} · K {components} · D {dim} · {pictures} pictures · weights {weights}"

QUERY = "Query"
REFERENCE = "Reference picture"
REFERENCE_ALT = "the reference picture of the query"
WORDS = "What should be different"
WORDS_HINT = "is red and has long sleeves"
SEARCH = "Search"
EXAMPLES = "Examples"
EXAMPLE_WORDS = (
    "is green with stripes and is longer",
    "is red and has long sleeves",
    "is darker and has no text on the chest",
)
PICK = "Pick from the gallery"
PICK_CATEGORY = "Show"
PICK_MORE = "Other pictures"
SURPRISE = "Surprise me"
ALL = "all"
SEARCH_IN = "Search in"
COUNT = "Results"
LEAVE_OUT = "Leave the reference out of the results"
RESULTS = "Results, nearest first"
USE_RESULT = "Use the selected result as the reference"
SELECT_FIRST = "Select a result first."
NO_RESULT = "No picture is left to rank: choose another category, or keep the reference in."
RESULT = "{rank}. distance {distance:.3f}\ndoubt {uncertainty:.3f}\n{id}"  # the tile shows two lines, a click all
PICKED = "{id}"

HOW_SURE = "How sure is the model?"
ASKED = "Asked: {words}"
NO_WORDS = "no words, which is as vague as it gets"
CHANCE = "Chance that the picture meant is among the first {within}"
CHANCE_NOTE = (
    "The chance was calibrated on validation queries that search one category of generated garments without the "
    "reference; another gallery or another kind of picture moves it."
)
CHANCE_UNKNOWN = "unknown: this model has no calibration; run python -m hug evaluate"
SOURCES = {"r": "picture", "t": "words", "m": "fit", "q": "overall"}
SOURCE_HELP = {
    "r": "doubt about the reference picture",
    "t": "doubt about the words",
    "m": "doubt whether the words fit the picture",
    "q": "the three merged",
}
VERDICTS = {
    "r": "The picture is unclear.",
    "t": "The words are vague.",
    "m": "The words do not fit this picture.",
    "": "Nothing unusual.",
}
VERDICT_UNKNOWN = "Without a calibration nobody knows whether these numbers are unusual."
VARIANCE = "variance"
PERCENTILE = "percentile"
PERCENTILE_VALUE = "{value:.0f}"
PERCENTILE_UNKNOWN = "–"
PERCENTILE_NOTE = "Percentile: the share of validation queries with less doubt of this kind."
UNTRUSTED = "at chance on the test split ({value:.2f}): don't trust this one"
RANKS_AND_CONFIDENCE = (
    "What moves ranks: the means of both sides and the variance of each candidate. "
    "What is confidence: the variance of the query, shown here. It is the same for every candidate, "
    "so it never changes the order of one query's results."
)

COMPONENTS = "Components: variances and weights"
VARIANCES_TITLE = (
    "Variance of each component (mean over its dimensions), for each source and merged. Higher is less certain; "
    "each row has its own scale."
)
WEIGHTS_TITLE = (
    "Dynamic weights of the three sources in each component, as differences from 1/3 (less doubt, more weight)."
)
AS_TABLE = "The same as a table"

RETRIEVE = """Rank the gallery for a picture and what should be different.

Returns a list, nearest first, of objects with rank, id, distance, uncertainty (the picture's own mean variance)
and category ("" where the gallery has none)."""
UNCERTAINTY = """What the model is unsure about in a picture with words.

Returns an object: picture, words, fit and overall (mean variances), percentiles (0-100 among validation queries, by
the same names; null without calibration), chance (calibrated probability that the picture meant is among the first
ten; null without calibration), components (a list of K variances by the same names), weights (3 lists of K, for
picture, words and fit), unusual (picture, words or fit; "" for nothing; null when unknown) and untrusted (sources
that are at chance on the test split)."""
API_PICTURE = "picture: JPEG, PNG or WebP, at most 8 MB, uploaded or as a data URL"
API_WORDS = "words: what should be different, at most 400 characters, may be empty"
API_K = "k: how many results"
API_CATEGORY = "category: search in this one; empty for the whole gallery"
API_EXCLUDE = "exclude: id of a gallery picture to leave out; empty for none"

ERROR_TITLE = "That did not work"
NO_PICTURE = "There is no reference picture: pick one from the gallery or upload one."
BAD_PICTURE = "The picture could not be read: send it as an uploaded file or as a data URL (data:image/png;base64,…)."
NO_WORDS_SENT = "The words are missing: they may be empty, but must be sent."
NO_ADDRESS = "Addresses are not fetched: download the picture and upload it."
UNEXPECTED = "Something went wrong on our side; it is written in the server's log. Try once more, or another picture."
UNREADABLE = "The request could not be read; look at the list of parameters of this endpoint."


def percent(share: float) -> str:
    """A probability for people: never 0 % or 100 %."""
    return f"{min(max(round(100 * share), 1), 99)} %"
