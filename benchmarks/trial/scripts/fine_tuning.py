import torch
import torch.nn as nn
from networks import SmallConvNet
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

import tlstudy

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
x = (x - 0.3) / 0.38
y = torch.tensor(y)
x, y = x[y >= 5], y[y >= 5] - 5
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=0)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=100)

model = SmallConvNet()
model.load_state_dict(torch.load("pretrained.pt"))
model.head = nn.Linear(32, 5)
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
loss_function = nn.CrossEntropyLoss()
watch = tlstudy.watch(model, optimizer)

for epoch in range(4):
    model.train()
    for inputs, labels in train_loader:
        outputs = model(inputs)
        loss = loss_function(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        losses, right = [], 0
        for inputs, labels in test_loader:
            outputs = model(inputs)
            losses.append(loss_function(outputs, labels).item())
            right += (outputs.argmax(1) == labels).sum().item()
    watch.end_epoch(test_loss=sum(losses) / len(losses), test_accuracy=right / len(x_test))

print(watch.report())
