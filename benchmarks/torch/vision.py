"""How does PyTorch see? Single convolutions, and the networks of ../vision.mjs.

Its kernels take channels first or channels last, and neither is always the faster: both are tried.
"""

import time

import numpy
import torch
from torch.nn import functional

from arrays import floats

IMAGES, IMAGES_BACK = (0, 3, 1, 2), (0, 2, 3, 1)
KERNELS, KERNELS_BACK = (3, 2, 0, 1), (2, 3, 1, 0)


class Margins:
    """Those of both sides of rows and columns: given to the convolution if they are alike, else put round the images."""

    def __init__(self, rows, columns):
        alike = rows[0] == rows[1] and columns[0] == columns[1]
        self.padding = [rows[0], columns[0]] if alike else [0, 0]
        self.around = [0, 0, 0, 0] if alike else [*columns, *rows]

    def put(self, x):
        return functional.pad(x, self.around) if any(self.around) else x

    def cut(self, x):
        left, right, top, bottom = self.around
        return x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]


class Convolution:
    def __init__(self, task, memory):
        convolution = task["convolution"]
        shapes, options = convolution["shapes"], convolution["options"]
        self.direction = convolution["direction"]
        self.margins = Margins(*options["padding"])
        self.options = (options["strides"], self.margins.padding, options["dilations"])
        self.groups = options["groups"]
        # A gradient does not read what it belongs to, only its shape.
        arrays = {name: torch.empty(shapes[name]) for name in ("x", "kernel", "dy")}
        given = {"forward": ("x", "kernel"), "input": ("dy", "kernel"), "kernel": ("x", "dy")}[self.direction]
        for name, path in zip(given, (task["a"], task["b"])):
            arrays[name] = floats(path, shapes[name])
        turned = {name: array.permute(KERNELS if name == "kernel" else IMAGES) for name, array in arrays.items()}
        self.x, self.kernel, self.dy = (array.contiguous(memory_format=memory) for array in turned.values())

    def call(self):
        x = self.margins.put(self.x)
        if self.direction == "forward":
            return functional.conv2d(x, self.kernel, None, *self.options, self.groups)
        wanted = [self.direction == "input", self.direction == "kernel", False]
        dx, dkernel, _ = torch.ops.aten.convolution_backward(
            self.dy, x, self.kernel, None, *self.options, False, [0, 0], self.groups, wanted
        )
        return self.margins.cut(dx) if self.direction == "input" else dkernel

    def run(self, times):
        with torch.inference_mode():
            for _ in range(times):
                self.call()

    def result(self):
        return self.call().permute(KERNELS_BACK if self.direction == "kernel" else IMAGES_BACK).numpy()


class Layer(torch.nn.Module):
    """One step of a plan: convolution or dense, normalisation, activation."""

    def __init__(self, step, weights):
        super().__init__()
        self.step = step
        kernel, *rest = (floats(item["path"], item["shape"]) for item in weights)
        if step["kind"] == "dense":
            self.margins = None
            self.linear = torch.nn.Linear(*kernel.shape)
            self.set(self.linear, kernel.t(), rest[0])
            return
        stride, channels, filters = step["stride"], step["input"][2], step["output"][2]
        normalized = "normalization" in step
        self.margins = Margins(step["margins"], step["margins"])
        self.linear = torch.nn.Conv2d(
            channels,
            filters,
            step["kernel"],
            stride,
            self.margins.padding,
            groups=filters if step.get("depthwise") else 1,
            bias=not normalized,
        )
        self.set(self.linear, kernel.permute(KERNELS), None if normalized else rest[0])
        if normalized:
            options = step["normalization"]
            self.normalization = torch.nn.BatchNorm2d(filters, options["epsilon"], 1 - options["momentum"])
            self.set(self.normalization, *rest)

    @staticmethod
    def set(module, weight, bias):
        with torch.no_grad():
            module.weight.copy_(weight)
            if bias is not None:
                module.bias.copy_(bias)

    def forward(self, x):
        x = self.linear(x if self.margins is None else self.margins.put(x))
        if "normalization" in self.step:
            x = self.normalization(x)
        if self.step["activation"] == "relu":
            return torch.relu_(x)
        return functional.relu6(x, inplace=True) if self.step["activation"] == "relu6" else x


def layer(step, weights):
    kind = step["kind"]
    if kind == "maxPool":
        return torch.nn.MaxPool2d(2)
    if kind == "globalAverage":
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    if kind == "dropout":
        return torch.nn.Dropout(step["rate"])
    return Flatten() if kind == "flatten" else Layer(step, weights)


class Flatten(torch.nn.Module):
    def forward(self, x):
        return x.permute(IMAGES_BACK).flatten(1)


class Network(torch.nn.Module):
    """A plan, up to what comes before the softmax."""

    def __init__(self, plan, weights):
        super().__init__()
        self.layers = torch.nn.ModuleList(map(layer, plan, weights))
        self.added = [step.get("add") for step in plan]

    def forward(self, x):
        results = []
        for each, added in zip(self.layers, self.added):
            x = each(x)
            if added is not None:
                x = x + results[added]
            results.append(x)
        return x


class Prediction:
    def __init__(self, task, memory):
        self.network = Network(task["plan"], task["weights"]).eval().to(memory_format=memory)
        self.memory = memory
        self.input = floats(task["input"], [1, *task["plan"][0]["input"]]).permute(IMAGES).numpy()

    def result(self):
        with torch.inference_mode():
            x = torch.from_numpy(self.input).contiguous(memory_format=self.memory)
            return torch.softmax(self.network(x), 1).numpy()

    def run(self, times):
        for _ in range(times):
            self.result()


class Training:
    def __init__(self, task, memory):
        self.network = Network(task["plan"], task["weights"]).train().to(memory_format=memory)
        images = floats(task["input"], [task["batchSize"], *task["plan"][0]["input"]])
        self.x = images.permute(IMAGES).contiguous(memory_format=memory)
        self.y = floats(task["labels"], [task["batchSize"]]).long()
        self.steps = task["steps"]
        parameters = self.network.parameters()
        name, rate = task["optimizer"]["name"], task["optimizer"]["learningRate"]
        if name == "adam":
            self.optimizer = torch.optim.Adam(parameters, lr=rate, eps=1e-7, foreach=True)
        else:
            self.optimizer = torch.optim.SGD(parameters, lr=rate, foreach=True)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.network(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def run(self, times):
        for _ in range(times):
            self.step()

    def result(self):
        """The losses of the first steps."""
        return numpy.array([self.step() for _ in range(self.steps)], numpy.float32)


JOBS = {"prepareConvolution": Convolution, "prepareVision": Prediction, "prepareVisionTraining": Training}


def prepared(request, task):
    """The job in the order of channels that is faster, and its first result."""
    torch.manual_seed(1)
    tried = []
    for memory in (torch.contiguous_format, torch.channels_last):
        job = JOBS[request](task, memory)
        first = numpy.ascontiguousarray(job.result())
        job.run(1)
        begin = time.perf_counter()
        job.run(2)
        tried.append((time.perf_counter() - begin, job, first))
    _, job, first = min(tried, key=lambda each: each[0])
    return job, first
