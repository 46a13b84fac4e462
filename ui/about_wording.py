"""Every sentence of the About tab."""

MODEL, DATA = "The model", "The data"
MEASURES = "What was measured, on a test split used for nothing else (95 % intervals)"
UNMEASURED = "These weights were not measured: run `python -m hug evaluate` with a data set."
MEANS = """## What the numbers mean, and what they don't

- **Every picture and every query is a set of K sub-features**, each a Gaussian: a mean and a variance. A distance is
  the expected squared distance of two such sets, so it is a sum over sub-features and can be taken apart.
- **Variance is doubt.** A query has three sources of it, the *picture*, the *words* and their *fit*, and a merge of
  the three (*overall*). Their sizes differ by orders of magnitude, so compare percentiles, not variances.
- **Query doubt never changes the order of one query's results**: it is the same for all candidates. Ranks are moved
  by the means and by each candidate's own variance.
- **The chance** that the picture meant is among the first ten was fitted on validation queries of generated garments,
  one category at a time. With another gallery, or photographs, it is a rough guess.
- **A sub-feature *tracks* an attribute** when two kinds of evidence agree: removing the attribute from a picture moves
  that sub-feature more than removing any other does, significantly, in a style of removal never trained with; and on
  untouched pictures the attribute explains a significant share of it (η²). Neither says *why*; and a sub-feature that
  tracks nothing known is not thereby useless.
- **Not everything learned is true.** Where a source of doubt is at chance on the test split, the page says so. Figures
  hold for the data named beside them, not for clothes in general, and never for people.
- **The map** is a projection: near points are alike, distances between far ones mean little."""
API = """## From another program

Two endpoints are public, `/retrieve` and `/uncertainty`; a picture and words suffice.

```python
from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")  # this page's address
client.predict(handle_file("some.jpg"), "is red", api_name="/retrieve")
client.predict(handle_file("some.jpg"), "is red", api_name="/uncertainty")
```

All parameters and plain HTTP: “Use via API” at the foot of the page."""
CITE = """## Citation

This is an implementation by others than the authors of the paper:

```bibtex
@inproceedings{tang2026hug,
  title     = {Heterogeneous Uncertainty-Guided Composed Image Retrieval with Fine-Grained Probabilistic Learning},
  author    = {Tang, Haomiao and Wang, Jinpeng and Zhao, Minyi and Meng, Guanghao and Luo, Ruisheng and Chen, Long and
               Xia, Shu-Tao},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence},
  year      = {2026},
  note      = {arXiv:2601.11393}
}
```"""
