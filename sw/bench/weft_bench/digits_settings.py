"""How the training of the digits network was set: by cross-validation on the training images.

Every candidate of a grid was trained on four fifths of the 1,257 training images and tried on the
rest, five times, so that each image is classified once by a network that has not seen it. `CHOSEN`
is the candidate with the most right, the first in the list among equals; the held-out images have
no part in it. ``choose(*split()[:2])`` does it again in a minute, and so does a long test.
"""

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIDDEN = (64, 32)
"""Widths of the hidden layers."""

EPOCHS = 100
"""Passes through the training images."""

RANDOM_STATE = 0
"""Of training and of the folds."""

FOLDS = 5
"""Parts of the training images, each of which is left out once."""


@dataclass(frozen=True)
class Settings:
    """What scikit-learn's MLPClassifier is told beside its defaults.

    Parameters
    ----------
    alpha
        Weight of the L2 penalty.
    learning_rate_init
        Step size of Adam.
    batch_size
        Images in a step.
    """

    alpha: float
    learning_rate_init: float
    batch_size: int


VALIDATION: dict[Settings, int] = {
    Settings(1e-4, 1e-3, 64): 1222,
    Settings(1e-4, 1e-3, 200): 1208,
    Settings(1e-4, 3e-3, 64): 1222,
    Settings(1e-4, 3e-3, 200): 1216,
    Settings(1e-2, 1e-3, 64): 1221,
    Settings(1e-2, 1e-3, 200): 1209,
    Settings(1e-2, 3e-3, 64): 1221,
    Settings(1e-2, 3e-3, 200): 1218,
    Settings(1e-1, 1e-3, 64): 1216,
    Settings(1e-1, 1e-3, 200): 1207,
    Settings(1e-1, 3e-3, 64): 1215,
    Settings(1e-1, 3e-3, 200): 1214,
    Settings(1.0, 1e-3, 64): 1198,
    Settings(1.0, 1e-3, 200): 1148,
    Settings(1.0, 3e-3, 64): 1197,
    Settings(1.0, 3e-3, 200): 1165,
}
"""The candidates, and how many of the 1,257 training images each got right in cross-validation."""

CHOSEN = max(VALIDATION, key=lambda settings: VALIDATION[settings])
"""The settings that are used."""


def fit(settings: Settings, images: NDArray[np.float64], labels: NDArray[Any]) -> Any:
    """Train a network; scikit-learn's MLPClassifier."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(HIDDEN, max_iter=EPOCHS, random_state=RANDOM_STATE, **asdict(settings))
    with warnings.catch_warnings():
        # These epochs are enough for the accuracy asked for; convergence is not the aim.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(images, labels)
    return network


def validate(settings: Settings, images: NDArray[np.float64], labels: NDArray[Any]) -> int:
    """Images that are right in cross-validation on these."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=RANDOM_STATE)
    right = 0
    for rest, left_out in folds.split(images, labels):
        network = fit(settings, images[rest], labels[rest])
        right += int((network.predict(images[left_out]) == labels[left_out]).sum())
    return right


def choose(
    images: NDArray[np.float64], labels: NDArray[Any]
) -> tuple[Settings, dict[Settings, int]]:
    """The best candidate on these images, and how many each got right."""
    found = {settings: validate(settings, images, labels) for settings in VALIDATION}
    return max(found, key=lambda settings: found[settings]), found
