"""Training: `trainer` is the loop, `batch` what a step reads and computes, `jobs` trainings started from the app."""
