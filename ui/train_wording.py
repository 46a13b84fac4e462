"""Every sentence of the Train tab."""

TAB = "Train"
INTRO = (
    "Train a small model on generated garments, on this machine. It goes on when this page is closed; the same browser "
    "finds it again. Afterwards what the tabs show is prepared too, and the model answers in all of them."
)
INTRO_SPACE = (
    " Here at most {steps} steps are possible, and what was trained is lost when the Space sleeps: download it."
)
DATA, DATA_INFO = "Data", "generated, with known attributes and known faults; drawn on first use"
DATA_SIZES = "{name}: {pictures} pictures, {triplets} training queries"
SIZE = "Size"
SIZES = {"tiny": "tiny: K 16, width 64", "bundled": "bundled: K 32, width 128"}
OBJECTIVE = "Objective"
OBJECTIVES = {
    "calibrated": "calibrated: doubt made to be right", "paper": "paper: its losses alone",
    "point": "point: no uncertainty, a baseline",
}  # fmt: skip
STEPS, BATCH, RATE, SEED = "Steps", "Batch", "Learning rate", "Seed"
FUSION = "Merge of picture, words and fit"
FUSIONS = {"dynamic": "dynamic weights (the paper's)", "static": "1/3 each"}
WEIGHTS = "Weights and switches of the objective"
WEIGHTS_NOTE = "Choosing an objective sets them; a weight of 0 switches its term off."
COMMAND = "The same in a terminal (without index, measuring and preparing)"
START = "Start"
RUNS = "Your trainings"
RUNS_NONE = "No training yet: choose what to train and press Start; its course appears here."
STOP, RESUME, FINISH = "Stop", "Resume", "Finish with the best so far"
USE, PACK, DOWNLOAD, REMOVE = "Use it in all tabs", "Pack for download", "Download {name}", "Remove"
NO_VISITOR = "This browser keeps no data for this page, so a training could not be found again: allow it, and reload."
NO_RUN = "Choose one of your trainings first."
UNINDEXED = "This training isn't finished: resume it, or finish it with the best so far."
USED = "All tabs now answer with {name}."
STEP_NAMES = {
    "data": "data", "train": "training", "index": "gallery", "measure": "measuring", "prepare": "preparing the tabs",
}  # fmt: skip
DOING = {
    "": "Starting.",
    "data": "Drawing the data set, once for all trainings.",
    "train": "Reading the frozen features; the first time on a data set this takes minutes.",
    "index": "Encoding the gallery.",
    "measure": "Measuring on the test split, and calibrating the doubt on validation.",
    "prepare": "Preparing what Uncertainty, Sub-features and Map show.",
}
TRAINING = "Step {step} of {steps}, {left}."
LEFT = "about {minutes} left"
LEFT_UNKNOWN = "time left not known yet"
STATUS = {
    "running": "Running", "stopping": "Stopping: the step in progress is ended first", 
    "stopped": "Stopped; nothing is lost", "finished": "Finished", "failed": "Failed",
    "interrupted": "Interrupted: the machine was restarted; resume goes on",
}  # fmt: skip
FACTS_BEST = "best R@10 on validation {best:.1f} % (step {step})"
FACTS_MEMORY = "memory {memory:.0f} MB at most"
LOG = "What it printed"
LOSSES = "Losses"
LOSSES_QUESTION = "Does it learn? The whole loss and its terms before their weights, smoothed over five records."
RECALLS = "Recall on validation"
RECALLS_QUESTION = "Does it find? The weights with the best R@10 are kept."
SCALES = "Learned scales"
SCALES_QUESTION = "a and b of the contrasts: a grows as the model gets surer of its matches."
VARIANCES = "Variances"
VARIANCES_QUESTION = "How unsure is it of candidates, pictures, words and their fit?"
COMPARED = "Your trainings side by side"
COMPARED_QUESTION = "R@10 on validation of each, and below what was measured on test."
COLUMNS = {  # of the comparison, by the names of measurements
    "HUG R@10, clean": "R@10 clean, test", "AUROC degraded/clean σ_c, gallery": "degraded AUROC",
    "AUROC vague/specific σ_t": "vague AUROC", "paired conflict/fit σ_m": "conflict, paired",
    "AUROC miss@10 by doubt (calibrated), all": "miss AUROC", "tracked aspects (unseen style)": "aspects tracked",
}  # fmt: skip
LABEL = "{objective} · {size} · {data} · {steps} steps · {status}"
