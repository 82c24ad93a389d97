"""The same clicks give the same answer: on every start to the bit, on both runtimes to a thousandth."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
START = """
import hashlib, sys
import numpy as np
import clickmask
rng = np.random.default_rng(5)
image = np.repeat(np.repeat(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), 25, 0), 25, 1)
predictor = clickmask.load(sys.argv[1], threads=2)
predictor.set_image(image)
digest = hashlib.sha256()
for x, y, positive in ((210, 140, True), (260.5, 120, True), (90, 200.25, False), (300, 260, False), (212, 141, True)):
    digest.update(np.packbits(predictor.add_click(x, y, positive)).tobytes())
    digest.update(predictor.logits.values.tobytes())
    digest.update(repr((predictor.logits.box_xyxy, predictor.score)).encode())
print(digest.hexdigest())
"""


def digest_of_a_new_start(model: str, seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", START, model],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.weights
@pytest.mark.slow
def test_every_start_answers_the_same_to_the_bit() -> None:
    digests = {digest_of_a_new_start("default", seed) for seed in ("0", "1", "random")}
    assert len(digests) == 1
    assert digest_of_a_new_start("flood", "0") not in digests, "the digest tells answers apart"


@pytest.fixture
def agreement(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("torch", reason="needs the torch extra")
    path = BENCHMARKS / "agreement.py"
    if not path.is_file():
        pytest.skip(f"{path} is not part of this copy")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("agreement", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "agreement", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.weights
def test_torch_gives_the_probabilities_of_onnx_runtime(agreement: ModuleType) -> None:
    """On a few made-up objects; `benchmarks/agreement.py` asks about crops of photographs."""
    from clickmask.train.photos import Photo
    from clickmask.train.validation import Held

    rows, columns = np.indices((180, 240))
    objects = []
    for number in range(2):
        mask = ((columns - 120) / (70 - 30 * number)) ** 2 + ((rows - 90) / 50) ** 2 < 1
        rng = np.random.default_rng(number)
        noise = rng.integers(0, 60, (180, 240, 3))
        image = (np.where(mask[..., None], (200, 90, 40), (60, 110, 150)) + noise).clip(0, 255).astype(np.uint8)
        objects.append(Held(Photo("made-up", "made-up", image, mask.astype(np.uint16)), mask, number))
    largest, apart, pixels = agreement.differences("default", objects, 8, threads=1)
    assert len(largest) >= 6
    assert max(largest) < agreement.LIMIT
    assert apart < 1e-4 * pixels
