"""The watcher copes with other kinds of loops."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import _len_torch_function_stack
from watched_loop import Loop, examples, hooks, network

import tlstudy


class Keywords(nn.Module):
    """Takes a keyword and gives a mapping, as the networks of Hugging Face do."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, pixels, labels=None):
        scores = self.inner(pixels)
        return {"loss": functional.cross_entropy(scores, labels), "scores": [(scores,)]}


class KeywordLoop(Loop):
    def step(self, optimiser, inputs, labels):
        optimiser.zero_grad()
        self.model(pixels=inputs, labels=labels)["loss"].backward()
        optimiser.step()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        self.model(pixels=self.test[0], labels=self.test[1])


class AccumulatingLoop(Loop):
    def step(self, optimiser, inputs, labels):
        optimiser.zero_grad()
        for part, own in zip(inputs.split(8), labels.split(8), strict=True):
            (functional.cross_entropy(self.model(part), own) / 2).backward()
        optimiser.step()


class ClosureLoop(Loop):
    def step(self, optimiser, inputs, labels):
        def closure():
            optimiser.zero_grad()
            loss = functional.cross_entropy(self.model(inputs), labels)
            loss.backward()
            return loss

        optimiser.step(closure)


class AutocastLoop(Loop):
    def step(self, optimiser, inputs, labels):
        optimiser.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = functional.cross_entropy(self.model(inputs), labels)
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
        scaler.scale(loss).backward()
        scaler.step(optimiser)


class OtherModesLoop(Loop):
    """Functions around the network have modes of their own."""

    def step(self, optimiser, inputs, labels):
        optimiser.zero_grad()
        with torch.device("cpu"):
            scores = self.model(inputs)
            with torch.device("cpu"):
                loss = functional.cross_entropy(scores, labels)
        loss.backward()
        with torch.device("cpu"):
            optimiser.step()


class CheckpointedLoop(Loop):
    def step(self, optimiser, inputs, labels):
        optimiser.zero_grad()
        hidden = torch.utils.checkpoint.checkpoint(self.model[:4], inputs, use_reentrant=False)
        functional.cross_entropy(self.model[4:](hidden), labels).backward()
        optimiser.step()


@pytest.mark.parametrize("kind", [
    KeywordLoop, AccumulatingLoop, AutocastLoop, OtherModesLoop, CheckpointedLoop
])  # fmt: skip
def test_it_finds_nothing_in_other_sound_loops(kind):
    model = {"model": Keywords()} if kind is KeywordLoop else {}
    before = hooks()
    default = torch.get_default_device()
    loop = kind(**model).run()
    assert torch.get_default_device() == default
    report = loop.watch.report()
    assert loop.names == {}, report
    assert "failed" not in report
    assert hooks() == before


def test_the_default_device_can_be_set_and_left_in_between():
    model, (inputs, labels) = network(), examples(0)
    try:
        torch.set_default_device("cpu")
        with tlstudy.watch(model, torch.optim.SGD(model.parameters(), 0.1), path=None):
            loss = functional.cross_entropy(model(inputs), labels)
            torch.set_default_device(None)
            loss.backward()
    finally:
        torch.set_default_device(None)
    assert _len_torch_function_stack() == 0


def test_it_copes_with_closures():
    model = network()
    optimiser = torch.optim.LBFGS(model.parameters(), lr=0.05, max_iter=3)
    loop = ClosureLoop(model=model, optimiser=optimiser).run()
    assert loop.names == {}, loop.watch.report()


def test_two_networks_that_play_against_each_other():
    torch.manual_seed(0)
    painter = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 36))
    critic = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 1))
    optimisers = [torch.optim.Adam(one.parameters(), 1e-3) for one in (painter, critic)]
    watches = [
        tlstudy.watch(one, optimiser, path=None)
        for one, optimiser in zip((painter, critic), optimisers, strict=True)
    ]
    loss = nn.BCEWithLogitsLoss()
    for _ in range(4):
        for real in examples(0)[0].split(16):
            fake = painter(torch.randn(16, 4))
            optimisers[1].zero_grad()
            (loss(critic(real), torch.ones(16, 1)) + loss(critic(fake.detach()), torch.zeros(16, 1))
             ).backward()  # fmt: skip
            optimisers[1].step()
            optimisers[0].zero_grad()
            loss(critic(fake), torch.ones(16, 1)).backward()
            optimisers[0].step()
        for watch in watches:
            watch.end_epoch()
    assert [watch.findings for watch in watches] == [[], []]
    for watch in watches:
        watch.close()


def test_two_optimisers_of_one_network():
    model = network()
    optimisers = [torch.optim.SGD(part.parameters(), 0.05) for part in (model[:5], model[5])]
    with tlstudy.watch(model, optimisers, path=None) as watch:
        for rows in torch.arange(64).split(16):
            functional.cross_entropy(model(examples(0)[0][rows]), examples(0)[1][rows]).backward()
            for optimiser in optimisers:
                optimiser.step()
    assert watch.findings == []
    assert "whether gradients are cleared, with several optimisers" in watch.report()


class Compiled(nn.Module):
    """Has a compiled part, inside which no layer can be seen."""

    def __init__(self):
        super().__init__()
        self.inner = torch.compile(network(), backend="eager")

    def forward(self, inputs):
        return self.inner(inputs)


@pytest.mark.filterwarnings("ignore:Using `torch.compile")
def test_a_compiled_network():
    loop = Loop(model=Compiled()).run()
    assert loop.names == {}, loop.watch.report()
    assert "failed" not in loop.watch.report()
