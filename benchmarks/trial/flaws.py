"""Kinds of flaw, and how each is planted: what stands in a script, and what replaces it."""

# By kind, the findings of the watcher that name it.
KINDS = {
    "optimiser of another network": {"optimiser-of-other-parameters"},
    "optimiser lacks layers": {"optimiser-lacks-parameters", "optimiser-of-other-parameters"},
    "gradients not cleared": {"gradients-not-cleared"},
    "softmax before the loss": {"loss-of-wrong-inputs"},
    "inputs not scaled": {"inputs-on-another-scale"},
    "layer without gradient": {"parameters-without-gradient"},
    "nothing moves": {"no-parameter-moved"},
    "BatchNorm lags": {"batchnorm-lags"},
    "evaluation in training mode": {"evaluated-in-training-mode"},
    "training in evaluation mode": {"trained-in-evaluation-mode"},
    "same batch at every step": {"same-batch"},
    "test data in training": {"test-examples-in-training"},
    "not finite": {"not-finite"},
}

Planting = tuple[tuple[str, str], ...]
EVALUATES = (("    model.eval()\n", ""),)
NEVER_TRAINS = (("    model.train()\n", "    model.eval()\n"),)
ONE_BATCH = "in train_loader:", "in [next(iter(train_loader))] * 10:"
FIRST_BATCH = ("shuffle=True", "shuffle=False"), ONE_BATCH

PLANTED: dict[str, dict[str, Planting]] = {
    "classification": {
        "optimiser of another network": (("(model.parameters(),", "(Net().parameters(),"),),
        "optimiser lacks layers": (("(model.parameters(),", "(model.fc2.parameters(),"),),
        "gradients not cleared": (("            optimizer.zero_grad()\n", ""),),
        "softmax before the loss": (
            ("return self.fc2(x)", "return torch.softmax(self.fc2(x), dim=1)"),
        ),
        "layer without gradient": (("x = x.flatten(1)", "x = x.flatten(1).detach()"),),
        "nothing moves": (
            ("            optimizer.zero_grad()\n", ""),
            ("loss.backward()\n", "loss.backward()\n            optimizer.zero_grad()\n"),
        ),
        "BatchNorm lags": (("BatchNorm2d(16)", "BatchNorm2d(16, momentum=0.001)"),),
        "evaluation in training mode": EVALUATES,
        "training in evaluation mode": (("        model.train()\n", ""),),
        "same batch at every step": FIRST_BATCH,
        "test data in training": (("TensorDataset(x_train, y_train)", "TensorDataset(x, y)"),),
        "not finite": (
            (
                "loss = criterion(model(inputs), labels)",
                "loss = criterion(model(inputs).log(), labels)",
            ),
        ),
    },
    "fine_tuning": {
        "optimiser of another network": (
            ("(model.parameters(),", "(SmallConvNet().parameters(),"),
        ),
        "optimiser lacks layers": (
            ("model.head = nn.Linear(32, 5)\n", ""),
            ("loss_function =", "model.head = nn.Linear(32, 5)\nloss_function ="),
        ),
        "gradients not cleared": (("        optimizer.zero_grad()\n", ""),),
        "softmax before the loss": (
            (
                "model.head = nn.Linear(32, 5)",
                "model.head = nn.Sequential(nn.Linear(32, 5), nn.Softmax(dim=1))",
            ),
        ),
        "inputs not scaled": (
            (".reshape(-1, 1, 8, 8) / 16\nx = (x - 0.3) / 0.38", ".reshape(-1, 1, 8, 8)"),
        ),
        "layer without gradient": (
            (
                "outputs = model(inputs)\n        loss",
                "outputs = model.head(model.body(inputs).detach())\n        loss",
            ),
        ),
        "nothing moves": (
            ("model.head = nn.Linear(32, 5)", "model.head = nn.Linear(32, 5)\nlearning_rate = 0.0"),
            ("lr=0.002", "lr=learning_rate"),
        ),
        "BatchNorm lags": (("range(4)", "range(1)"), ("batch_size=32", "batch_size=64")),
        "evaluation in training mode": EVALUATES,
        "training in evaluation mode": (("    model.train()\n", ""),),
        "same batch at every step": FIRST_BATCH,
        "test data in training": (("TensorDataset(x_train, y_train)", "TensorDataset(x, y)"),),
        "not finite": (("lr=0.002", "lr=1e20"),),
    },
    "regression": {
        "optimiser of another network": (
            ("(model.parameters(),", "(nn.Linear(10, 1).parameters(),"),
        ),
        "optimiser lacks layers": (("(model.parameters(),", "(model[4].parameters(),"),),
        "gradients not cleared": (("            optimizer.zero_grad()\n", ""),),
        "layer without gradient": (
            (
                "            prediction = model(features)\n            loss",
                "            prediction = model[4](model[:4](features).detach())\n            loss",
            ),
        ),
        "nothing moves": (
            ("            optimizer.zero_grad()\n", ""),
            ("loss.backward()\n", "loss.backward()\n            optimizer.zero_grad()\n"),
        ),
        "BatchNorm lags": (("BatchNorm1d(32)", "BatchNorm1d(32, momentum=0.001)"),),
        "evaluation in training mode": EVALUATES,
        "training in evaluation mode": NEVER_TRAINS,
        "same batch at every step": FIRST_BATCH,
        "test data in training": (("(x[:300], y[:300])", "(x, y)"),),
        "not finite": (
            (
                "loss = criterion(prediction, target)",
                "loss = (criterion(prediction, target) - 1).sqrt()",
            ),
        ),
    },
    "lightning_module": {
        "optimiser of another network": (("Adam(self.parameters()", "Adam(Digits().parameters()"),),
        "optimiser lacks layers": (("Adam(self.parameters()", "Adam(self.head.parameters()"),),
        "softmax before the loss": (
            (
                "return self.head(self.drop(self.encoder(x)))",
                "return self.head(self.drop(self.encoder(x))).softmax(1)",
            ),
        ),
        "layer without gradient": (("self.drop(self.encoder(x))", "self.encoder(x).detach()"),),
        "nothing moves": (("lr=0.003", "lr=0.0"),),
        "BatchNorm lags": (("BatchNorm1d(64)", "BatchNorm1d(64, momentum=0.001)"),),
        "evaluation in training mode": (
            (
                "        scores = self(inputs)",
                "        self.train()\n        scores = self(inputs)",
            ),
        ),
        "training in evaluation mode": (
            ("        loss = F", "        self.eval()\n        loss = F"),
        ),
        "same batch at every step": (
            (
                "        inputs, labels = batch\n        loss",
                "        inputs, labels = x_train[:32], y_train[:32]\n        loss",
            ),
        ),
        "test data in training": (("TensorDataset(x_train, y_train)", "TensorDataset(x, y)"),),
        "not finite": (
            (
                'self(inputs), labels)\n        self.log("train',
                'self(inputs).log(), labels)\n        self.log("train',
            ),
        ),
    },
    "hugging_face": {
        "optimiser of another network": (
            ("AdamW(model.parameters()", "AdamW(ViTForImageClassification(config).parameters()"),
        ),
        "optimiser lacks layers": (("AdamW(model.parameters()", "AdamW(model.vit.parameters()"),),
        "softmax before the loss": (
            (
                "optimizer =",
                "model.classifier = torch.nn.Sequential(model.classifier, torch.nn.Softmax(1))\n"
                "optimizer =",
            ),
        ),
        "nothing moves": (("lr=3e-3", "lr=0.0"),),
        "same batch at every step": (
            ("train_dataset=train_rows", "train_dataset=train_rows[:1] * 1200"),
        ),
        "test data in training": (("train_dataset=train_rows", "train_dataset=rows"),),
        "not finite": (("/ 16\n", "/ 0\n"),),
    },
    "bare_loop": {
        "optimiser of another network": (
            ("Adam(model.parameters()", "Adam(torch.nn.Linear(64, 10).parameters()"),
        ),
        "optimiser lacks layers": (("Adam(model.parameters()", "Adam(model[4].parameters()"),),
        "gradients not cleared": (("    optimizer.zero_grad()\n", ""),),
        "softmax before the loss": (
            ("model(x[rows]).log_softmax", "model(x[rows]).softmax(1).log_softmax"),
        ),
        "layer without gradient": (("model(x[rows])", "model[4](model[:4](x[rows]).detach())"),),
        "nothing moves": (
            (
                "    optimizer.step()\n    optimizer.zero_grad()\n",
                "    optimizer.zero_grad()\n    optimizer.step()\n",
            ),
        ),
        "BatchNorm lags": (("BatchNorm1d(64)", "BatchNorm1d(64, momentum=0.001)"),),
        "evaluation in training mode": (("        model.eval()\n", ""),),
        "training in evaluation mode": (("        model.train()\n", ""),),
        "same batch at every step": (
            ("    rows = train[torch.randint(len(train), (32,))]", "    rows = train[:32]"),
        ),
        "test data in training": (("order[:1200], order[1200:]", "order, order[1200:]"),),
        "not finite": (("model(x[rows]).log_softmax(1)", "model(x[rows]).softmax(1).log().log()"),),
    },
}


def planted(source: str, planting: Planting) -> str:
    """The script with the flaw in it.

    Raises:
        ValueError: a part to be replaced is not in the script.
    """
    for old, new in planting:
        if old not in source:
            raise ValueError(f"not in the script: {old!r}")
        source = source.replace(old, new)
    return source
