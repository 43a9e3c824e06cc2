import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification

from tlstudy.watching.huggingface import WatchCallback

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
y = torch.tensor(y)
rows = [{"pixel_values": image, "labels": label} for image, label in zip(x, y)]
train_rows, test_rows = train_test_split(rows, test_size=0.3, random_state=0)

config = ViTConfig(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    image_size=8,
    patch_size=4,
    num_channels=1,
    num_labels=10,
    hidden_dropout_prob=0.1,
)
model = ViTForImageClassification(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)


def compute_metrics(p):
    return {"accuracy": float((p.predictions.argmax(1) == p.label_ids).mean())}


trainer = Trainer(
    model=model,
    args=TrainingArguments(
        output_dir="output",
        num_train_epochs=4,
        per_device_train_batch_size=32,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    ),
    train_dataset=train_rows,
    eval_dataset=test_rows,
    compute_metrics=compute_metrics,
    optimizers=(optimizer, None),
    callbacks=[WatchCallback()],
)
trainer.train()
