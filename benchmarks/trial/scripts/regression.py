import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

import tlstudy

torch.manual_seed(0)
x, y = load_diabetes(return_X_y=True)
x = torch.tensor(StandardScaler().fit_transform(x), dtype=torch.float32)
y = torch.tensor((y - 152) / 77, dtype=torch.float32).reshape(-1, 1)
train_set = TensorDataset(x[:300], y[:300])
test_set = TensorDataset(x[300:], y[300:])
train_loader = DataLoader(train_set, batch_size=20, shuffle=True)
test_loader = DataLoader(test_set, batch_size=50)

model = nn.Sequential(
    nn.Linear(10, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(32, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
watch = tlstudy.watch(model, optimizer)

for epoch in range(10):
    with watch.epoch():
        model.train()
        for features, target in train_loader:
            optimizer.zero_grad()
            prediction = model(features)
            loss = criterion(prediction, target)
            loss.backward()
            optimizer.step()

        model.eval()
        total = 0
        for features, target in test_loader:
            with torch.no_grad():
                prediction = model(features)
                total += criterion(prediction, target).item() * len(target)
        print(f"epoch {epoch + 1}: test loss {total / len(test_set):.4f}")

print(watch.report())
