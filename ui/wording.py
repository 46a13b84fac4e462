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
RESULT = "{rank}. {move}\n{what}\ndistance {distance:.3f} · doubt {uncertainty:.3f}\n{id}"
MOVED_UP, MOVED_DOWN, MOVED_NOT, MOVED_NEW = "▲ {places}", "▼ {places}", "= 0", "new"
MOVES_NOTE = (
    "▲ ▼ places gained or lost against the question before; *new*: not among its results. Distance: smaller is "
    "nearer. Doubt: the picture's own mean variance."
)
PICKED = "{id}: {what}"

HOW_SURE = "How sure is the model?"
ASKED = "Asked: {words}"
NO_WORDS_SHORT = "no words"
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
VERDICT_UNTRUSTED = "No source of this model's doubt can be trusted: on the test split all are at chance."
VERDICT_POOR = "No single source stands out, but queries like this one seldom found their picture."
ADVICE = {
    "r": "Try a sharper, brighter picture that shows the whole garment.",
    "t": "Say what should change and how: a colour, a length, sleeves, a pattern.",
    "m": "Say it so that it makes sense for this picture, or choose another reference.",
}
ALARM = "Very doubtful: take the results as a guess."
NOTE_FAULT = "Asked with a worse picture: {kind}, severity {severity} of 5."
NOTE_IGNORED = "Ranked without sub-features {ignored}."
NOTE_MEANS = "Ranked without the candidates' variance."
NOTE_STATIC = "The overall doubt is merged with 1/3 each; its percentile and the chance exist for dynamic weights only."
NOTE_UNREAD = "The words are too long: from “{word}” on nothing is read."
UPLOAD_NOTE = (
    "Your own picture: percentiles and chance were measured on generated garments, not on photographs. "
    "The model doesn't notice what it never learned: a shoe or a hat can get a chance as high as a dress."
)
MEANING = "What these numbers mean"
HISTOGRAM = "among validation queries"
HISTOGRAM_ALT = "{name}: histogram of the validation queries' variances on a log scale; this query at {value:.4f}"
VARIANCE = "variance"
PERCENTILE = "percentile"
PERCENTILE_VALUE = "{value:.0f}"
UNKNOWN = "–"
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
PRESS_A_BAR = "Press a bar to open that component in Sub-features, where it can also be chosen by its number."
WEIGHTS_TITLE = (
    "Dynamic weights of the three sources in each component, as differences from 1/3 (less doubt, more weight)."
)
AS_TABLE = "The same as a table"
MERGES_TITLE = "Dynamic against static weights (1/3 each): only the overall doubt differs, the ranks are the same."
MERGES = "Overall doubt: {dynamic:.4f} with dynamic weights ({least:.3f} to {most:.3f}), {static:.4f} with static ones."

MODEL_PICK = "Model"
EXPECT = "What to expect from this model"
EXPECT_TEXT = """The bundled models learned from **generated drawings** of dresses, shirts and tops, described by
sentences about colour, pattern, sleeves, neckline, length and a print on the chest. Pictures and words are read
through frozen networks (EfficientNet-Lite0 on ImageNet, MiniLM), so your own photographs and free wording work
within limits:

- The gallery holds drawings only: a photograph finds the *drawing* most like what you ask for.
- Stripes, flowers, sleeves, length and plain colour words carry over best. Fabric, fit, belts, brands and
  moods ("dressier", "more revealing") were never learned; the words' doubt usually says so.
- Hats, shoes and trousers were never learned either, and the chance does **not** notice.
- A busy texture is read as flowers, a shirt may be answered with a dress: choose a category in *Search in*.
- A busy background or a person counts as part of the picture; crop to the garment.
- "not", "all", "less" and comparisons with things outside the picture are understood poorly.
- Of a long text only the first 22 word pieces or so are read."""
WHAT_IF = "What if the picture were worse?"
KIND = "Fault"
KINDS = {
    "blur": "blur", "noise": "noise", "lowres": "few pixels", "jpeg": "strong compression",
    "occlusion": "something in front", "darkness": "too dark", "glare": "glare",
}  # fmt: skip
SEVERITY = "Severity (0: the picture as it is)"
SEEN = "What the model sees"
SEEN_ALT = "the reference picture with the chosen fault"
RANKED = "How it is ranked"
MERGE = "Weights of the three sources"
MERGE_CHOICES = (("dynamic", True), ("static, 1/3 each", False))
MERGE_INFO = "Changes the overall doubt only, never a rank."
USE_VAR = "The candidates' variance counts"
USE_VAR_INFO = "Moves ranks: with it, doubtful pictures are further away."
IGNORED = "Ignore these sub-features"
IGNORED_INFO = "Moves ranks: their parts are left out of every distance, exactly."
TRAIL = "Questions so far"
BACK, FORTH = "◂ back", "forth ▸"
TRAIL_UPLOAD = "your picture"
TRAIL_MODEL = " ({model})"
TRAIL_FAULT = " with {kind} {severity}"
LINK = "Link to this question"
LINK_NONE = "A question with an uploaded picture can't be shared by a link."
LINK_NUMBER = "The link's {name} must be a whole number from {least} to {most}; got {value!r}."
LINK_KIND = "The link's degrade must be one of {known}; got {value!r}."
LINK_WRONG = "This link can't be opened as it is: {problem} The page opens with its example instead."
LINK_TAB = "there is no tab {value!r}; choose one of {known}."
LINK_TITLE = "Not the link's view"
MODEL_REFUSED = "That model can't answer"
NO_SUCH_FAULT = "There is no such fault: choose one of the list, with a severity from 0 to 5."
NO_SUCH_COMPONENT = "Sub-features are numbered from 1 to {count}."
NO_SUCH_NUMBER = "{name} must be a whole number."
UPLOAD_GONE = "The uploaded picture was deleted after an hour: upload it again."
NOT_ASKED = "Nothing was asked yet: choose a picture and search."
WHY = "Why this rank?"
WHY_TEXT = (
    "A distance is a sum over the sub-features, so its parts are exact. Click a result above, or choose two. "
    "Positive differences (blue) speak for the first, negative ones (red) for the second. "
    "Click a row of the table to ignore that sub-feature: the ranking is made again without it."
)
WHY_FIRST, WHY_SECOND = "Explain", "beside"
WHY_CHOICE = "{rank}. {id}"
WHY_ALONE = "There is one result only: nothing to compare it with."
WHY_NONE = "Nothing was ranked."
BIAS_STAYS = "The bias belongs to no sub-feature and can't be ignored."
WHY_TITLE = "Parts of two distances, by sub-feature"
WHY_COLUMNS = {
    "component": "sub-feature", "means": "of it: means", "candidate": "of it: candidates' variances",
}  # fmt: skip
WHY_PICTURES = "Reference and the two results"
WORDS_EFFECT = "What does each word do?"
WORDS_TEXT = (
    "Each word is dropped in turn and the question asked again. Bars above zero: without the word the doubt rises, "
    "so the word makes things clear; below zero: the word adds doubt. Click a row to ask without that word."
)
WORDS_RUN = "Drop the words one at a time"
WORDS_TITLE = "Change of the doubt without each word"
SEVERITIES_RUN = "All severities of this fault"
SEVERITIES_TITLE = "Doubt against the severity of the fault"
BESIDE = "Beside another model"
BESIDE_TEXT = "The same question asked to another model with the same gallery; *{one}* is the one that answered above."
BESIDE_WHICH = "Other model"
BESIDE_RUN = "Ask it too"
BESIDE_NONE = "There is no other model here: put a checkpoint folder below checkpoints/."
BESIDE_RESULT = "{rank}. here {other}\n{what}\n{id}"
BESIDE_RANK, BESIDE_ABSENT = "{rank}", "not among them"
BESIDE_TITLE = "Results of the other model, nearest first; *here*: the rank above"
BESIDE_RANKS = "Ranks of both models"
REPORT = "Take it with you"
REPORT_TEXT = (
    "One HTML file with the pictures, the numbers, the model and how to cite it. It is made for you and not kept. "
    "Your own picture is in it, so share it with care."
)
REPORT_TITLE = "One question, answered by HUG"
REPORT_ASKED = "What was asked"
REPORT_ORDER = "The order follows the means and each candidate's variance; the query's own doubt never changes it."
REPORT_NUMBERS = "The numbers"
REPORT_MODEL = "Model and versions"
REPORT_CITE = "How to cite"
SAID_YES, SAID_NO = "yes", "no"
REPORT_RUN = "Download this answer as a report"
CSV, PNG, SVG = "CSV", "PNG", "SVG"
DOWNLOAD, DOWNLOADS = "Download", "Download {name}:"

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


# ---- the tabs Uncertainty, Sub-features, Map and About ----

TAB_UNCERTAINTY, TAB_SUBFEATURES, TAB_MAP, TAB_ABOUT = "Uncertainty", "Sub-features", "Map", "About"
YES, NO = "yes", "no"
FIRST_ROWS = "The first {shown} of {rows} rows; the CSV has all."
VIEW_LINK = "Link to this view"
NOT_PREPARED = (
    "Nothing was prepared for the model {model}. Run `python -m analysis measure --checkpoint {folder} --root DATA`, "
    "then start the app again."
)
PREPARED_STALE = "What was prepared for this model can't be shown: {problem}"
SKIPPED = "Not measured: {reason}."
PREPARED = "Prepared on {data} by the weights {weights}, commit {commit}."
PREPARED_NO_DATA = "the gallery alone, without a data set"
LINK_UNKNOWN = "The link's {name} {value!r} does not exist here; there are {known}. It was left out."
LINK_SHARE = "The link's leave_out must be a share from 0 to 0.9; got {value!r}. It was left out."
NOTHING_KNOWN = "none"

THIS_QUERY = "Why is the current query uncertain?"
THIS_QUERY_NONE = "Nothing was asked yet: ask in the Query tab, and this says where its doubt comes from."
THIS_QUERY_OTHER = "The last query was asked of the model {model}: ask again with this one."
THIS_QUERY_VARIANCES = "Variances: {told}."
AT_CHANCE = "At chance or worse on the test split, so don't trust these: {sources}."
THIS_QUERY_STANDS_OUT = "Where its picture is least certain"
THIS_QUERY_STANDS_OUT_NOTE = (
    "The components (sub-features) in which it is most uncertain against the gallery. Press one to see what it is."
)
STANDS_OUT = "component {component}"
STANDS_OUT_NOTE = "above {percentile:.0f} % of the gallery"
SAMPLES = "Samples, from the least to the most uncertain"
SAMPLES_QUESTION = (
    "What does the model call certain, what uncertain? Evenly spread by rank over all of them. Press one to ask a "
    "query with it."
)
SIDES = {"target": "targets", "reference": "references", "words": "words", "fit": "fit of words and picture"}
SIDE = "Samples of"
SAMPLE_ABSENT = "This picture is not in the gallery that is loaded, so it can't be asked with."
COORDINATION_EXAMPLES = "The same words with a picture they fit and with one they don't"
COORDINATION_EXAMPLES_QUESTION = (
    "The variance of the fit should be higher on the right of each pair: that picture lacks what the words take for "
    "granted. Press one to ask the query."
)
FITS_NOTE, LACKS_NOTE = "fits: {value:#.3g}", "lacks it: {value:#.3g}"
MORE_STUDIES = "More measurements"
HOW_TRUE = "Can the doubt be trusted?"

SUBFEATURES = (
    "The model sees a picture as many *sub-features*, here called components and numbered, each with an uncertainty of "
    "its own. Some *track* an attribute: their uncertainty rises when it is removed from a picture."
)
WHICH_TRACKS = "Which sub-feature tracks …?"
ATTRIBUTE_NONE = "choose an attribute"
ATTRIBUTES = {
    "colour": "colour", "pattern": "pattern", "sleeve": "sleeve length", "neckline": "neckline", "length": "length",
    "logo": "logo",
}  # fmt: skip
TRACKS_NOTE = (
    "Over all categories. ● tracked: removing it moves the component most, and it explains the component. "
    "Changes are of the log variance: +0.7 doubles it."
)
TRACKS_QUESTION = "Best first; press one to see its pictures."
TRACKED_CARD = "component {component}{dot}"
TRACKED_CARD_NOTE = "removed {delta:+.2f}, next aspect {next_delta:+.2f}; explains {share:.0f} %"
CATEGORY = "Category"
COMPONENT = "Component"
PREVIOUS, NEXT, RANDOM = "◂ previous", "next ▸", "random"
LEAVE_OUT_SHARE = "Leave out the most uncertain (share)"
LEAST, MOST = "{count} most certain in component {component}", "{count} least certain in component {component}"
SHOWN_OF = "Of {category} pictures{without}. Press one to ask a query with it."
WITHOUT = ", without the {share:.0f} % most uncertain overall"
NO_SAMPLES = "No picture is left: choose another category or leave out fewer."
HISTOGRAM_TITLE = "Where the gallery and the current query stand"
EXPLAINED_TITLE = "The attributes that explain it"
MOVED_TITLE = "What removing an attribute does to it"
SIMILAR_TITLE = "Similar components"
SIMILAR_QUESTION = "Whose uncertainty goes up and down with this one's (1: always, 0: unrelated). Press one to see it."
SIMILAR_NOTE = "correlation {value:.2f}"
SIMILAR_EMPTY = "No component is like this one."
MATRIX_TITLE = "All components and attributes"
MATRIX_QUESTION = (
    "Which component answers to which attribute? ● tracked; the frame is what is shown above. Press a cell."
)
MATRIX_MEASURE = "In the matrix"
MEASURES = (("what removing it does", "delta"), ("what it explains (η²)", "eta2"))
CAPTIONS_TITLE = "Words: the captions with the lowest and highest uncertainty"
CAPTIONS_OF = {
    ("words", "lowest"): "Clearest words (lowest σ²ₜ)", ("words", "highest"): "Vaguest words (highest σ²ₜ)",
    ("fit", "lowest"): "Best fit of words and picture (lowest σ²ₘ)",
    ("fit", "highest"): "Worst fit of words and picture (highest σ²ₘ)",
}  # fmt: skip
CAPTIONS_QUESTION = "Of the whole text, over all components. Press one to ask a query with it."
CAPTION_NOTE = "variance {value:#.3g}"

MAP_TITLE = "The gallery as a map"
MAP_QUESTION = (
    "Each point is a picture of the gallery, placed by UMAP of the means. Click one: it becomes the reference of the "
    "current query, and its neighbours appear below."
)
MAP_OF = "Map of"
MAP_WHOLE = "whole pictures"
MAP_COMPONENT = "component {component}"
MAP_COLOURED = "Coloured by"
MAP_POINT = "Picture (or click it)"
MAP_USE = "Open the query"
NEIGHBOURS = "Neighbours of {id}"
NEIGHBOURS_QUESTION = "The nearest by distance, not by place on the map. Press one to go on from there."
NEIGHBOURS_NONE = "Click a point of the map, or choose a picture above, and its neighbours appear here."
THIS_ONE = "this one"
NEIGHBOUR_NOTE = "distance {distance:.3f}"
MAP_ALT = "Map of {count} gallery pictures, coloured by {colouring}. The list above chooses the same points by id."
