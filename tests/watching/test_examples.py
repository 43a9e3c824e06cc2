"""Findings on which examples are trained on and evaluated."""

import numpy
import torch
from torch import nn
from torch.nn import functional
from watched_loop import BATCH, Loop, examples, network


def test_the_same_batch_at_every_step():
    same = tuple(part[:1].expand(64, *part.shape[1:]) for part in examples(0))
    assert Loop(train=same).run().names["same-batch"] == "warning"
    small = tuple(part[:BATCH] for part in examples(0))
    assert Loop(train=small, epochs=32).run().names == {"same-batch": "note"}


class Masked(nn.Module):
    """Takes a mask first, which is the same for all examples."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, mask, inputs):
        return self.inner(inputs * mask)


class MaskedLoop(Loop):
    def step(self, optimiser, inputs, labels):
        optimiser.zero_grad()
        functional.cross_entropy(self.model(torch.ones_like(inputs), inputs), labels).backward()
        optimiser.step()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        functional.cross_entropy(
            self.model(torch.ones_like(self.test[0]), self.test[0]), self.test[1]
        )


def test_examples_differ_if_any_of_their_tensors_does():
    assert MaskedLoop(model=Masked()).run().names == {}
    (inputs, labels), masks = examples(0), torch.ones(64, 1, 6, 6)
    given = {"test_images": torch.utils.data.TensorDataset(masks, inputs, labels)}
    found = MaskedLoop(model=Masked(), options=given).run().names
    assert found == {"test-examples-in-training": "error"}
    given = {"test_images": torch.utils.data.TensorDataset(masks, examples(5)[0], labels)}
    assert MaskedLoop(model=Masked(), options=given).run().names == {}
    same = tuple(part[:1].expand_as(part) for part in examples(0))
    assert MaskedLoop(model=Masked(), train=same).run().names["same-batch"] == "warning"


def test_test_examples_among_the_training_ones():
    train, (inputs, labels) = examples(0), examples(1, 32)
    mixed = inputs.clone(), labels.clone()
    mixed[0][::4], mixed[1][::4] = train[0][:8], train[1][:8]
    loop = Loop(test=mixed).run()
    assert loop.names == {"test-examples-in-training": "error"}
    assert "8 of 32 different evaluated examples (25.0 %)" in loop.watch.report()
    part = tuple(part[:16] for part in train)
    assert Loop(test=part).run().names == {"test-examples-in-training": "error"}
    assert Loop(test=train).run().names == {"test-examples-in-training": "warning"}
    both = tuple(torch.cat(pair) for pair in zip(train, (inputs, labels), strict=True))
    assert Loop(test=both).run().names == {}  # the training set is evaluated as well


def test_a_part_of_the_training_set_beside_a_sound_test_set():
    train, test = examples(0), examples(1, 32)
    both = tuple(torch.cat([part[:16], more]) for part, more in zip(train, test, strict=True))
    loop = Loop(test=both).run()
    assert loop.names == {"test-examples-in-training": "note"}
    assert [row["test_images"] for row in loop.watch.rows] == [32] * 8  # without that part
    turns = torch.arange(16).view(2, 8), torch.arange(16, 48).view(4, 8)
    order = torch.cat([turns[1][0], turns[0][0], turns[1][1], turns[0][1], *turns[1][2:]])
    found = Loop(test=tuple(part[order] for part in both)).run().names
    assert found == {"test-examples-in-training": "error"}  # in turns, so it is the test set


def binary_examples(seed: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Eight features (N, 8) of 0 or 1, so that many examples are equal by nature."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(0, 2, (number, 8), generator=generator).float()
    return inputs, inputs[:, :2].sum(1).long()


def test_examples_that_are_equal_by_nature():
    def names(test):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        train = binary_examples(0, 320)
        loop = Loop(model=model, train=train, test=test, steps=20, epochs=3)
        return loop.run().names

    assert names(binary_examples(1, 96)) == {"test-examples-in-training": "note"}
    copies = tuple(part[:96] for part in binary_examples(0, 320))
    assert names(copies) == {"test-examples-in-training": "error"}


def test_test_images_that_are_given():
    inputs, labels = examples(0)
    data = torch.utils.data.TensorDataset(inputs[:20], labels[:20])
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    loop = Loop(options={"test_images": loader}).run()
    state = torch.get_rng_state()
    assert loop.names == {"test-examples-in-training": "error"}
    assert torch.equal(state, torch.get_rng_state())
    loop = Loop(options={"test_images": data}).run()
    assert "20 of 20 different evaluated examples" in loop.watch.report()
    assert Loop(options={"test_images": examples(5)[0]}).run().names == {}


class Endless(torch.utils.data.IterableDataset):
    """The training examples one after the other, again and again."""

    def __iter__(self):
        while True:
            yield from zip(*examples(0), strict=True)


def test_test_images_without_an_end_and_without_places(monkeypatch):
    monkeypatch.setattr("tlstudy.watching.examples.MOST", 20)
    assert Loop(options={"test_images": Endless()}).run().names == {
        "test-examples-in-training": "error"
    }


def test_test_images_that_cannot_be_read_end_neither_training_nor_watch():
    def broken():
        numpy.random.random()
        raise OSError("the disk is gone")
        yield

    numpy.random.seed(0)
    loop = Loop(options={"test_images": broken()}).run()
    assert "test images: failed (OSError: the disk is gone)" in loop.watch.report()
    drawn = numpy.random.random()
    numpy.random.seed(0)
    assert drawn == numpy.random.random()


def test_it_says_that_copies_cannot_be_found_with_augmentation():
    def augmented(scores, labels):
        return functional.cross_entropy(scores, labels)

    loop = Loop(loss=augmented)
    model = loop.model
    step = loop.step
    loop.step = lambda optimiser, inputs, labels: step(
        optimiser, inputs + 0.01 * torch.randn(inputs.shape), labels
    )
    assert loop.run().names == {}
    assert model is loop.model
    assert "no training example came twice" in loop.watch.report().replace("\n    ", " ")
