"""Random changes of training images: of their own, of the classes named, the same again."""

import pytest
import torch
from resuming import small_trainer
from tiny import tiny_images, tiny_training

from tlstudy.config.augmentation import TRANSFORMS
from tlstudy.config.targets import Target
from tlstudy.config.training import Training
from tlstudy.data.shown_classes import half_of
from tlstudy.networks import augmentation
from tlstudy.networks.augmentation import Augmentation


def augmented(transforms: list, images: torch.Tensor, labels=None, seed=26, epoch=1):
    labels = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
    training = Training(augmentation=transforms)
    return Augmentation(training.augmentation, training.target, seed)(images, labels, epoch)


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def test_every_name_has_its_transform():
    assert TRANSFORMS.keys() == augmentation.TRANSFORMS.keys()


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("shape", [(20, 32, 32), (20, 3, 32, 32)])
def test_images_change_each_by_values_of_its_own_and_the_same_again(name, shape):
    one = noise(*shape)[:1].expand(shape).contiguous()
    before = one.clone()
    found = augmented([name], one)
    assert found.shape == one.shape
    assert found.dtype == torch.uint8
    assert torch.equal(one, before)
    assert len({image.numpy().tobytes() for image in found}) > 1
    assert torch.equal(found, augmented([name], one))
    assert not torch.equal(found, augmented([name], one, epoch=2))
    assert not torch.equal(found, augmented([name], one, seed=27))


def test_quarter_turns_are_exact_and_of_the_angles_named():
    images = noise(40, 32, 32)
    turned = augmented([{"name": "quarter-turn", "angles": [90, 180]}], images)
    found = {
        next(k for k in range(4) if torch.equal(after, before.rot90(k)))
        for after, before in zip(turned, images, strict=True)
    }
    assert found == {1, 2}
    assert torch.equal(augmented([{"name": "quarter-turn", "angles": [0]}], images), images)


def test_only_images_of_the_named_classes_change():
    images, labels = noise(40, 32, 32), torch.arange(40) % 10
    found = augmented([{"name": "rotation", "classes": [2, 7]}], images, labels)
    changed = (found != images).flatten(1).any(dim=1)
    assert set(labels[changed].tolist()) == {2, 7}
    assert changed.sum() == 8


def test_half_of_the_classes_changes_the_same_ones_in_every_epoch():
    images, labels = noise(40, 32, 32), torch.arange(40) % 10
    half = half_of(Target(), 26)
    for epoch in (1, 2):
        found = augmented([{"name": "rotation", "classes": "half"}], images, labels, epoch=epoch)
        assert set(labels[(found != images).flatten(1).any(dim=1)].tolist()) == set(half)


def test_it_draws_from_no_stream_that_others_use():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    augmented(["rotation"], noise(3, 32, 32))
    assert torch.equal(torch.rand(1), expected)


def test_a_training_sees_other_images_in_each_epoch_and_recalibrates_on_the_plain_ones():
    trainer = small_trainer(epochs=2, augmentation=["horizontal-flip"])
    plain = tiny_images(tiny_training()).train
    steps = [torch.cat([inputs for inputs, _ in trainer._steps_of_an_epoch(e)]) for e in (1, 2)]
    assert not torch.equal(*steps)
    assert torch.equal(trainer.images.train, plain)
    fixed = torch.cat([inputs for inputs, _ in trainer.fixed_batches()])
    assert torch.equal(fixed, trainer.images.inputs(plain))


def test_turns_by_nothing_leave_a_training_as_it_was():
    sham = {"name": "quarter-turn", "angles": [0]}
    plain, turned = (small_trainer(epochs=2, augmentation=own) for own in ([], [sham]))
    for trainer in (plain, turned):
        trainer.run()
    for one, other in zip(plain.weights, turned.weights, strict=True):
        assert torch.equal(one, other)
