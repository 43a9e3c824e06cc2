"""The callbacks, where Lightning or Hugging Face's transformers are installed."""

import csv

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from watched_loop import examples, network


def test_the_callback_of_lightning(tmp_path, capsys):
    lightning = pytest.importorskip("lightning")
    from tlstudy.watching.lightning import WatchCallback

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def training_step(self, batch, _):
            return functional.cross_entropy(self.inner(batch[0]), batch[1])

        def validation_step(self, batch, _):
            self.log("val_loss", functional.cross_entropy(self.inner(batch[0]), batch[1]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.05)

    trainer = lightning.Trainer(
        max_epochs=8,
        accelerator="cpu",
        callbacks=[WatchCallback(tmp_path / "watch.csv")],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    train, test = TensorDataset(*examples(0)), TensorDataset(*examples(1, 32))
    trainer.fit(Module(), DataLoader(train, 16, shuffle=True), DataLoader(test, 8))
    assert "8 epochs, 32 steps: nothing found" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "watch.csv").open()))
    assert len(rows) == 8
    assert float(rows[-1]["test_loss"]) == pytest.approx(
        float(trainer.callback_metrics["val_loss"]), rel=1e-5
    )


def test_the_callback_of_hugging_face(tmp_path, capsys):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from tlstudy.watching.huggingface import WatchCallback

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, inputs, labels=None):
            scores = self.inner(inputs)
            return {"loss": functional.cross_entropy(scores.softmax(1), labels), "logits": scores}

    def rows(seed, number):
        return [
            {"inputs": one, "labels": label}
            for one, label in zip(*examples(seed, number), strict=True)
        ]

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "output"),
        num_train_epochs=8,
        per_device_train_batch_size=16,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        Model(),
        arguments,
        train_dataset=rows(0, 64),
        eval_dataset=rows(1, 32),
        callbacks=[WatchCallback(tmp_path / "watch.csv")],
    )
    trainer.train()
    told = capsys.readouterr().out
    assert "8 epochs, 32 steps: 1 error." in told
    assert "loss-of-wrong-inputs" in told
    table = list(csv.DictReader((tmp_path / "watch.csv").open()))
    assert len(table) == 8
    assert 1 < float(table[-1]["test_loss"]) < 1.5
    assert 1 < float(table[-1]["train_loss"]) < 1.5
