"""How does PyTorch (native) do each job? The same requests and answers as ../engine-process.mjs."""

import json
import os
import sys
import time

import numpy
import torch

import vision
from arrays import floats

UNITS = [784, 128, 64, 10]
job = None


class MatMul:
    def __init__(self, product, a, b):
        m, k, n = product["m"], product["k"], product["n"]
        a = floats(a, [k, m]).t() if product["transposeA"] else floats(a, [m, k])
        b = floats(b, [n, k]).t() if product["transposeB"] else floats(b, [k, n])
        self.a, self.b = a, b
        self.c = torch.empty(m, n)

    def run(self, times):
        for _ in range(times):
            torch.mm(self.a, self.b, out=self.c)

    def result(self):
        return torch.mm(self.a, self.b).numpy()


class Prediction:
    def __init__(self, task):
        self.model = network()
        arrays = [floats(item["path"], item["shape"]) for item in task["weights"]]
        layers = [layer for layer in self.model if isinstance(layer, torch.nn.Linear)]
        with torch.no_grad():
            for index, layer in enumerate(layers):
                layer.weight.copy_(arrays[2 * index].t())
                layer.bias.copy_(arrays[2 * index + 1])
        self.input = numpy.fromfile(task["input"], dtype=numpy.float32).reshape(task["batchSize"], 784)

    def run(self, times):
        with torch.inference_mode():
            for _ in range(times):
                torch.softmax(self.model(torch.from_numpy(self.input)), 1).numpy()

    def result(self):
        with torch.inference_mode():
            return torch.softmax(self.model(torch.from_numpy(self.input)), 1).numpy()


class Training:
    def __init__(self, task):
        torch.manual_seed(task["seed"])
        self.directory = task["directory"]
        self.batch_size = task["batchSize"]
        self.images, self.labels = mnist(self.directory, "train", task["images"])
        self.model = network()
        for layer in self.model:
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.xavier_uniform_(layer.weight)
                torch.nn.init.zeros_(layer.bias)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.001, eps=1e-7, foreach=True)
        self.loss = torch.nn.CrossEntropyLoss()

    def epoch(self):
        order = torch.randperm(len(self.images))
        right = torch.zeros((), dtype=torch.int64)
        for begin in range(0, len(self.images), self.batch_size):
            rows = order[begin : begin + self.batch_size]
            x, y = self.images[rows], self.labels[rows]
            self.optimizer.zero_grad(set_to_none=True)
            logits = self.model(x)
            self.loss(logits, y).backward()
            self.optimizer.step()
            right += (logits.detach().argmax(1) == y).sum()
        return right.item() / len(self.images)

    def accuracy(self):
        images, labels = mnist(self.directory, "t10k", 10000)
        with torch.inference_mode():
            return (self.model(images).argmax(1) == labels).float().mean().item()


def network():
    layers = [torch.nn.Flatten()]
    for index in range(3):
        layers.append(torch.nn.Linear(UNITS[index], UNITS[index + 1]))
        if index < 2:
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def mnist(directory, part, count):
    images = numpy.fromfile(f"{directory}/{part}-images-idx3-ubyte", dtype=numpy.uint8, offset=16)
    labels = numpy.fromfile(f"{directory}/{part}-labels-idx1-ubyte", dtype=numpy.uint8, offset=8)
    pixels = images.reshape(-1, 28, 28)[:count].astype(numpy.float32) / 255
    return torch.from_numpy(pixels), torch.from_numpy(labels[:count].astype(numpy.int64))


def answer(request, task):
    global job
    if request == "start":
        torch.set_num_threads(task["threads"])
        return {"version": torch.__version__}
    if request == "prepareMatMul":
        job = MatMul(task["product"], task["a"], task["b"])
        job.result().tofile(task["result"])
        return {"repetitions": 1}
    if request == "preparePrediction":
        job = Prediction(task)
        job.result().tofile(task["result"])
        return {"repetitions": 1}
    if request in vision.JOBS:
        job, first = vision.prepared(request, task)
        first.tofile(task["result"])
        return {"repetitions": 1}
    if request == "prepareTraining":
        job = Training(task)
        return None
    if request == "time":
        begin = time.perf_counter()
        job.run(task["times"])
        return (time.perf_counter() - begin) * 1000
    if request == "epoch":
        begin = time.perf_counter()
        job.epoch()
        return time.perf_counter() - begin
    if request == "accuracy":
        return job.accuracy()
    raise ValueError(f"unknown request {request}")


with os.fdopen(3, "w") as answers:
    for line in sys.stdin:
        message = json.loads(line)
        try:
            reply = {"value": answer(message["request"], message["task"])}
        except Exception as error:  # reported to the runner, which decides
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()
