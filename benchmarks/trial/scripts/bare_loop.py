import torch
from sklearn.datasets import load_digits

import tlstudy

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32) / 16
y = torch.tensor(y)
order = torch.randperm(len(x))
train, test = order[:1200], order[1200:]

model = torch.nn.Sequential(
    torch.nn.Linear(64, 64),
    torch.nn.BatchNorm1d(64),
    torch.nn.ReLU(),
    torch.nn.Dropout(0.1),
    torch.nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
watch = tlstudy.watch(model, optimizer)

for step in range(1, 201):
    rows = train[torch.randint(len(train), (32,))]
    log_probabilities = model(x[rows]).log_softmax(1)
    loss = -log_probabilities[torch.arange(len(rows)), y[rows]].mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            accuracy = (model(x[test]).argmax(1) == y[test]).float().mean().item()
        model.train()
        watch.end_epoch(test_accuracy=accuracy)

print(watch.report())
