"""Learning from a finished model beside the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

from clickmask.core.errors import RecipeError, UnknownNameError
from clickmask.nn.export import export_model, spec_of
from clickmask.nn.losses import soft_cross_entropy
from clickmask.nn.method import Phase, find_method
from clickmask.train.conveyor import Batch
from clickmask.train.loop import Trainer
from clickmask.train.recipe import Recipe
from clickmask.train.recipes import find_recipe
from clickmask.train.sources import read_sources
from clickmask.train.teacher import teacher_loss

from .made_up import write_shard

COMPACT = find_method("compact")
METHOD = COMPACT.with_config(COMPACT.tiny)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(3)
    network = METHOD.network()
    with torch.no_grad():  # the exporter stores equal values once, and training leaves none
        for value in network.parameters():
            value.add_(0.05 * torch.randn(value.shape))
    export_model(network, METHOD, spec_of(METHOD, "teacher", side=32), folder)
    return folder


def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(2, 1, 32, 32, generator=generator) > 0.5).float()
    labels[:, :, :4] = -1
    clicks = torch.tensor([[[10.0, 12.0, 1.0], [25.5, 20.0, 0.0]]] * 2)
    return Batch(
        torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1,
        labels,
        torch.rand(2, 1, 32, 32, generator=generator),
        clicks,
        torch.zeros(2, dtype=torch.int64),
    )


def mirrored(one: Batch) -> Batch:
    clicks = one.clicks.clone()
    clicks[..., 0] = 32 - clicks[..., 0]
    return replace(
        one, images=one.images.flip(3), labels=one.labels.flip(3), previous=one.previous.flip(3), clicks=clicks
    )


def test_the_loss_is_least_at_the_teacher_s_own_answer() -> None:
    target = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05
    labels = torch.zeros(2, 1, 8, 8)
    labels[0, 0, 0] = -1
    logits = torch.logit(target).requires_grad_()
    soft_cross_entropy(logits, target, labels).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and logits.grad.abs().max() < 1e-6
    worse = soft_cross_entropy(logits.detach() + 0.5, target, labels)
    assert (worse > soft_cross_entropy(logits.detach(), target, labels)).all()
    other = logits.detach().clone()
    other[0, 0, 0] += 5
    torch.testing.assert_close(
        soft_cross_entropy(other, target, labels), soft_cross_entropy(logits.detach(), target, labels)
    )


def test_teaching_is_the_same_in_the_mirror(teacher: Path) -> None:
    loss = teacher_loss(str(teacher), METHOD, CPU, halves=False)
    logits = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    given = batch()
    torch.testing.assert_close(loss(logits.flip(3), mirrored(given)), loss(logits, given), rtol=1e-4, atol=1e-5)
    assert loss(logits, given).shape == (2,)


def recipe(**changes: object) -> Recipe:
    tiny = replace(find_recipe("compact-gpu"), network=COMPACT.tiny, start="", phases=(Phase(32, 8, 3, 1e-3, 1e-3),))
    return replace(tiny, warmup=1, check_every=3, validate_every=0, **changes)  # type: ignore[arg-type]


def weights_after(recipe: Recipe, folder: Path, shard: Path) -> torch.Tensor:
    trainer = Trainer(recipe, read_sources([shard]), folder)
    trainer.run()
    assert trainer.step == 3
    return trainer.network.state_dict()["head.weight"]


def test_a_network_learns_from_a_teacher(teacher: Path, tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "shard.tar", 4)
    alone = weights_after(recipe(), tmp_path / "alone", shard)
    taught = weights_after(recipe(teacher=str(teacher)), tmp_path / "taught", shard)
    unheard = weights_after(recipe(teacher=str(teacher), teacher_share=0.0), tmp_path / "unheard", shard)
    assert not torch.allclose(alone, taught)
    torch.testing.assert_close(alone, unheard)


def test_a_teacher_must_see_clicks_the_same_way(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="sees clicks as 'disk_distance', the network in training as 'disk_mask'"):
        teacher_loss(str(teacher), find_method("ritm_hrnet18s"), CPU, halves=False)
    with pytest.raises(UnknownNameError, match="Unknown model 'nobody'"):
        teacher_loss("nobody", METHOD, CPU, halves=False)
    with pytest.raises(RecipeError, match="teacher_share is a share from 0 to 1, got 2"):
        find_recipe("compact", {"teacher_share": "2"})
