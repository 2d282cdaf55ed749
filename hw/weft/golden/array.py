"""The systolic array's product, exact."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def product(a: NDArray[Any], w: NDArray[Any]) -> NDArray[np.int64]:
    """Rows of activations times weights.

    Parameters
    ----------
    a
        M x K, int8.
    w
        K x C, int8.

    Returns
    -------
    array
        M x C, int64, not wrapped.
    """
    # float64 holds every sum below 2^53 exactly (K < 2^39), and BLAS is fast.
    return (a.astype(np.float64) @ w.astype(np.float64)).astype(np.int64)
