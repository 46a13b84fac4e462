"""Which photographs count as showing another thing than dresses, shirts and tops, class by class.

    .venv/bin/python -m benchmarks.kinds --data FOLDER

FOLDER/clothing_photos holds a folder of photographs for each class. Prints the share below `hug.backbones.kinds.LIMIT`
for each, what they are taken for, the area under the ROC curve, and the threshold that half of the photographs of
dresses, shirts and tops would give at ten false alarms in a hundred, with what it does on all others.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from hug.backbones.embedded import Embedded
from hug.backbones.kinds import LIMIT, log_odds, other_thing
from hug.data.images import open_picture

OWN, OTHER, FALSE_ALARMS = ("dress", "longsleeve", "shirt", "t-shirt"), ("hat", "pants", "shoes", "shorts"), 0.1


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--data", type=Path, required=True, help="folder with clothing_photos")
    backbone, odds = Embedded(), dict[str, np.ndarray]()
    for folder in sorted(p for p in (flags.parse_args().data / "clothing_photos").iterdir() if p.is_dir()):
        tokens = backbone.images([open_picture(path) for path in sorted(folder.iterdir())])
        odds[folder.name] = log_odds(backbone.classify(tokens)).numpy()
        names = Counter(name for row in tokens if (name := other_thing(backbone, row[None], LIMIT)))
        share = 100 * (odds[folder.name] < LIMIT).mean()
        print(
            f"{folder.name}: {share:.0f} % of {len(tokens)}; taken for {dict(names.most_common(3)) or 'nothing else'}"
        )
    own, other = (np.concatenate([odds[name] for name in names]) for names in (OWN, OTHER))
    truth, score = np.repeat([1, 0], [len(own), len(other)]), np.concatenate([own, other])
    limit = np.quantile(own[::2], FALSE_ALARMS)
    print(f"AUROC {roc_auc_score(truth, score):.3f}; below {LIMIT}: own {(own < LIMIT).mean():.3f}, "
          f"other {(other < LIMIT).mean():.3f}; threshold of half of the own {limit:.2f}: the other half "
          f"{(own[1::2] < limit).mean():.3f}, other {(other < limit).mean():.3f}")  # fmt: skip


if __name__ == "__main__":
    with torch.no_grad():
        main()
