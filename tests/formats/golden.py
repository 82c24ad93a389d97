"""The golden mask: two parts and one hole on 6 x 5 pixels."""

from __future__ import annotations

import numpy as np

GOLDEN = np.array(
    [
        [c == "#" for c in row]
        for row in (
            "......",
            ".###..",
            ".#.#..",
            ".###.#",
            ".....#",
        )
    ]
)
GOLDEN_COUNTS = [6, 3, 2, 1, 1, 1, 2, 3, 9, 2]
GOLDEN_PACKED = "632NO0127O"
GOLDEN_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAECAAAAABjWKqcAAAAGUlEQVR4nAXBAQEAAAjDIGb/zheKOcOJQA8kcQIIRdnzuwAAAABJRU5ErkJggg=="
)
