"""Each finding comes of a training with that flaw, and none of the sound one."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from watched_loop import Loop, examples, network

from tlstudy.watching import judge
from tlstudy.watching.watcher import watch


def sgd(*modules: nn.Module, rate: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for module in modules for p in module.parameters()], rate)


def test_nothing_is_found_in_a_sound_training():
    loop = Loop().run()
    assert loop.names == {}
    assert "8 epochs, 32 steps: nothing found" in loop.watch.report()
    assert "cannot judge" not in loop.watch.report()


def test_an_optimiser_of_another_network():
    found = Loop(optimiser=sgd(network())).run().names
    assert found == {"optimiser-of-other-parameters": "error"}  # the rest follows from it


def test_a_layer_replaced_after_the_optimiser_was_made():
    model = network()
    optimiser = sgd(model)
    model[5] = nn.Linear(8 * 16, 4)
    loop = Loop(model=model, optimiser=optimiser).run()
    [finding] = [one for one in loop.watch.findings if "optimiser" in one.name]
    assert finding.severity == "error"
    assert "5.weight, 5.bias" in finding.saw


def test_an_optimiser_with_a_part_of_the_network_and_one_with_more():
    model, other = network(), nn.Linear(2, 2)
    found = Loop(model=model, optimiser=sgd(model[5])).run().names
    assert found == {"optimiser-lacks-parameters": "warning"}
    found = Loop(optimiser=sgd(model := network(), other), model=model).run().names
    assert found["optimiser-of-other-parameters"] == "note"


class UnfreezingLoop(Loop):
    """The first layer is unfrozen after two steps, and may be given to the optimiser then."""

    gives = False
    number = 0

    def step(self, optimiser, inputs, labels):
        self.number += 1
        self.model[0].requires_grad_(self.number > 2)
        if self.number == 3 and self.gives:
            optimiser.add_param_group({"params": self.model[0].parameters()})
        super().step(optimiser, inputs, labels)


def test_a_layer_that_is_unfrozen_later():
    for gives, flaws in ((False, {"optimiser-lacks-parameters": "warning"}), (True, {})):
        model = network()
        model[0].requires_grad_(False)
        loop = UnfreezingLoop(model=model, optimiser=sgd(model[1:]))
        loop.gives = gives
        assert loop.run().names == flaws


def test_gradients_that_are_never_cleared():
    loop = Loop(clear="never").run()
    assert loop.names["gradients-not-cleared"] == "error"
    [finding] = [one for one in loop.watch.findings if one.name == "gradients-not-cleared"]
    assert "31 of 31 steps" in finding.saw


def test_gradients_cleared_before_the_step():
    assert Loop(clear="late").run().names == {"no-parameter-moved": "error"}


@pytest.mark.parametrize(
    ("loss", "flaw"),
    [
        (lambda scores, y: functional.cross_entropy(scores.softmax(1), y), "error"),
        (lambda scores, y: nn.CrossEntropyLoss()(nn.Softmax(1)(scores), y), "error"),
        (lambda scores, y: functional.nll_loss(scores.softmax(1), y), "error"),
        (lambda scores, y: functional.nll_loss(scores, y), "error"),
        (lambda scores, y: functional.nll_loss(scores.log_softmax(1), y), None),
        (lambda scores, y: functional.cross_entropy(scores.log_softmax(1), y), None),
        (lambda scores, y: -scores.softmax(1).log_softmax(1)[range(len(y)), y].mean(), "error"),
        (lambda scores, y: functional.binary_cross_entropy_with_logits(
            scores.sigmoid(), functional.one_hot(y, 4).float()), "error"),
        (lambda scores, y: functional.binary_cross_entropy(
            scores.sigmoid(), functional.one_hot(y, 4).float()), None),
    ],
)  # fmt: skip
def test_what_enters_the_loss(loss, flaw):
    assert Loop(loss=loss).run().names.get("loss-of-wrong-inputs") == flaw


@pytest.mark.parametrize(
    ("loss", "flaw"),
    [
        (lambda column, y: functional.mse_loss(column, y), "warning"),
        (lambda column, y: functional.l1_loss(column[:, 0], y[:, None]), "warning"),
        (lambda column, y: nn.HuberLoss()(column, y), "warning"),
        (lambda column, y: ((column - y) ** 2).mean(), "warning"),
        (lambda column, y: ((y - column) ** 2).mean(), "warning"),
        (lambda column, y: functional.mse_loss(column, y[:, None]), None),
        (lambda column, y: functional.mse_loss(column, torch.tensor(1.0)), None),
        (lambda column, y: functional.mse_loss(column.expand(-1, 3), y[:, None]), None),
        (lambda column, y: ((column[:, 0] - y) ** 2).mean(), None),
        (lambda column, y: (column - column[:, 0]).relu().mean(), None),  # all pairs are meant
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_outputs_that_are_repeated_in_the_loss(loss, flaw):
    def of_column(scores, labels):
        return loss(scores[:, :1], labels.float())

    assert Loop(loss=of_column, epochs=2).run().names.get("loss-broadcasts") == flaw


def test_a_layer_without_a_gradient_and_one_with_a_learning_rate_of_0():
    class Cut(nn.Sequential):
        def forward(self, inputs):
            return self[5](nn.Sequential(*list(self)[:5])(inputs).detach())

    assert Loop(model=Cut(*network())).run().names == {"parameters-without-gradient": "warning"}
    model = network()
    groups = [{"params": model[:5].parameters()}, {"params": model[5].parameters(), "lr": 0.0}]
    loop = Loop(model=model, optimiser=torch.optim.SGD(groups, lr=0.05)).run()
    assert loop.names == {"parameters-never-moved": "warning"}
    assert "5.weight, 5.bias" in " ".join(loop.watch.report().split())


def test_parts_that_are_called_one_by_one_and_cut_apart():
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 3))
    optimiser = sgd(model)
    with watch(model, optimiser, path=None) as watched:
        for _ in range(4):
            with watched.epoch():
                inputs, labels = torch.randn(6, 4), torch.arange(6) % 3
                optimiser.zero_grad()
                functional.cross_entropy(model[1](model[0](inputs).detach()), labels).backward()
                optimiser.step()
                with torch.no_grad():
                    model[1](model[0](torch.randn(6, 4)))
    assert "parameters-without-gradient" in {finding.name for finding in watched.findings}
    assert "failed" not in watched.report()


def test_a_check_that_fails_ends_no_training(monkeypatch):
    def broken_check(seen):
        yield 1 / 0

    monkeypatch.setattr(judge, "CHECKS", (broken_check, *judge.CHECKS))
    loop = Loop(optimiser=sgd(network())).run()
    assert "optimiser-of-other-parameters" in loop.names
    assert "cannot judge: broken check: failed (ZeroDivisionError" in loop.watch.report()


def test_no_step_at_all():
    optimiser = sgd(model := network())
    optimiser.step = lambda: None
    found = Loop(model=model, optimiser=optimiser).run().names
    assert found == {"optimiser-never-stepped": "error"}


def test_frozen_parameters_are_sound_unless_they_move():
    model = network()
    model[0].requires_grad_(False)
    assert Loop(model=model).run().names == {}
    model[0].requires_grad_(True)
    optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    functional.cross_entropy(model(examples(0)[0]), examples(0)[1]).backward()
    model[0].requires_grad_(False)  # its gradient is still there
    loop = Loop(model=model, optimiser=optimiser, clear="never").run()
    assert loop.names["frozen-parameters-moved"] == "warning"


def test_inputs_on_another_scale_than_those_of_the_pretraining():
    pretrained = Loop().run().model.state_dict()
    for scale, severity in ((1, None), (60, "warning"), (0.1, "warning")):
        model = network()
        model.load_state_dict(pretrained)
        inputs, labels = examples(0)
        found = Loop(model=model, train=(inputs * scale, labels)).run().names
        assert found.get("inputs-on-another-scale") == severity
    images = (examples(0)[0].abs() * 100).clamp(max=255), examples(0)[1]
    assert Loop(train=images).run().names["inputs-on-another-scale"] == "note"


def test_batchnorm_after_few_steps_or_with_a_small_momentum():
    assert Loop(epochs=4).run().names == {"batchnorm-lags": "warning"}  # 0.9 ** 16 = 19 %
    assert Loop(epochs=7).run().names == {"batchnorm-lags": "note"}  # 0.9 ** 28 = 5.2 %
    model = network()
    model[1].momentum = 0.001
    loop = Loop(model=model).run()
    assert "96.8 %" in loop.watch.report()  # 0.999 ** 32


def test_statistics_far_from_those_of_the_batches():
    model = network()
    loop = Loop(model=model, epochs=10)
    train = model.train

    def forget(mode: bool = True) -> nn.Module:
        model[1].running_mean += 5
        return train(mode)

    model.train = forget
    assert loop.run().names == {"batchnorm-lags": "warning"}


def test_the_wrong_mode():
    found = Loop(evaluation_mode=False).run().names
    assert found == {"evaluated-in-training-mode": "warning"}
    loop = Loop(train_mode=False).run()
    assert loop.names == {"trained-in-evaluation-mode": "warning"}
    assert "32 of 32" in loop.watch.report()
    plain = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    assert Loop(model=plain, evaluation_mode=False, train_mode=False).run().names == {}


class PartsInEvaluationMode(Loop):
    """After model.train(), BatchNorm goes into evaluation mode, as for frozen layers."""

    def step(self, optimiser, inputs, labels):
        self.model[1].eval()
        super().step(optimiser, inputs, labels)


def without_dropout(frozen: bool) -> nn.Sequential:
    model = network()
    model[4] = nn.Identity()
    model[:2].requires_grad_(not frozen)
    return model


def test_batchnorm_alone_in_evaluation_mode_may_be_meant():
    frozen = {"frozen-batchnorm-updates": "note", "batchnorm-lags": "warning"}
    assert Loop(model=without_dropout(True), epochs=2).run().names == frozen
    # What is advised there leaves nothing to find.
    assert PartsInEvaluationMode(model=without_dropout(True)).run().names == {}
    # A network may hold its BatchNorm there itself, whatever mode it is in.
    assert Loop(model=without_dropout(True), train_mode=False).run().names == {}
    found = PartsInEvaluationMode(model=without_dropout(False)).run().names
    assert found == {"trained-in-evaluation-mode": "note"}
    found = Loop(model=without_dropout(False), train_mode=False).run().names
    assert found == {"trained-in-evaluation-mode": "warning"}


class WithGradients(Loop):
    def evaluate(self):
        for inputs, labels in zip(*(part.split(8) for part in self.test), strict=True):
            functional.cross_entropy(self.model(inputs), labels)


def test_an_evaluation_in_training_mode_and_with_gradients():
    assert WithGradients().run().names == {"evaluated-in-training-mode": "warning"}


def test_the_first_value_that_is_not_finite():
    class Layer(nn.Module):
        calls = 0

        def forward(self, values):
            self.calls += 1
            return values / (0 if self.calls == 3 else 1)

    model = network()
    model.insert(3, Layer())
    loop = Loop(model=model, epochs=1).run()
    [finding] = [one for one in loop.watch.findings if one.name == "not-finite"]
    assert finding.saw.startswith("3 (Layer) gives the first value")
    train = examples(0)[0].clone(), examples(0)[1]
    train[0][5] = float("nan")
    assert "the input is not finite" in Loop(train=train).run().watch.report()


def test_a_loss_and_a_gradient_that_are_not_finite():
    def of_log(scores, labels):
        return functional.cross_entropy(scores, labels) + (-scores[0, 0].abs()).log().detach()

    assert "the loss is nan at step 1" in Loop(loss=of_log).run().watch.report()

    def of_root(scores, labels):
        return functional.cross_entropy(scores, labels) + (0 * scores).sum().sqrt()

    report = Loop(loss=of_root).run().watch.report()
    assert "the gradient of 0.weight" in report
