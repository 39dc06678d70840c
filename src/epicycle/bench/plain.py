"""The loop the field writes, in PyTorch: every row through every position of every layer, one seed at a time, Python between steps.

Written anew in the style of the public grokking repositories: einsum attention over all positions, AdamW, full batch, the loss from
float64 log-probabilities (the progress-measures code casts so; in float32 small losses vanish). The function is the one that
`models` computes; a test holds both to the same logits.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from epicycle.spec.experiment import Experiment


class Network(nn.Module):
    """Parameters by name."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__()
        for name, value in params.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value)))

    def __getattr__(self, name: str) -> Any:
        """A parameter or buffer; typed loosely, since PyTorch cannot know which."""
        return super().__getattr__(name)


class Transformer(Network):
    """One causal block per layer, no normalisation; weights in the shapes of `epicycle.models.transformer.model`."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        n_pos = params["W_pos"].shape[0]
        self.register_buffer("mask", torch.tril(torch.ones(n_pos, n_pos)).bool())

    def forward(self, tokens: Any) -> Any:
        """Logits at every position."""
        x = self.W_E[tokens] + self.W_pos
        for layer in range(self.W_Q.shape[0]):
            q = torch.einsum("hdi,bpd->biph", self.W_Q[layer], x)
            k = torch.einsum("hdi,bpd->biph", self.W_K[layer], x)
            v = torch.einsum("hdi,bpd->biph", self.W_V[layer], x)
            scores = torch.einsum("biph,biqh->bhqp", k, q) / k.shape[1] ** 0.5
            pattern = scores.masked_fill(~self.mask, -1e10).softmax(dim=-1)
            z = torch.einsum("biph,bhqp->bhiq", v, pattern)
            x = x + torch.einsum("hid,bhiq->bqd", self.W_O[layer], z)
            hidden = torch.relu(torch.einsum("dm,bpd->bpm", self.W_in[layer], x) + self.b_in[layer])
            x = x + torch.einsum("md,bpm->bpd", self.W_out[layer], hidden) + self.b_out[layer]
        return x @ self.W_U


class MLP(Network):
    """Embedded operands, concatenated, through one hidden ReLU layer."""

    def forward(self, tokens: Any) -> Any:
        """Logits, with a position axis of length one."""
        operands = self.W_in.shape[0] // self.W_E.shape[1]
        x = self.W_E[tokens[:, :operands]].flatten(start_dim=1)
        return (torch.relu(x @ self.W_in + self.b_in) @ self.W_U)[:, None]


NETWORKS = {"transformer": Transformer, "mlp": MLP}


def network(experiment: Experiment, params: Mapping[str, Any]) -> nn.Module:
    """The network of an experiment with given weights.

    Raises:
        KeyError: there is no plain version of this kind of model.
    """
    return NETWORKS[experiment.model.kind](params)


def trainer(experiment: Experiment, params: Mapping[str, Any], threads: int) -> Callable[[int], float]:
    """A function that trains by so many steps and returns seconds for one."""
    torch.set_num_threads(threads)
    table = experiment.task.table()
    rows = experiment.split.train_rows(table, 0)
    tokens, labels = torch.tensor(table.inputs[rows]).long(), torch.tensor(table.labels[rows]).long()
    net, numbers = network(experiment, params), experiment.training.optimiser.model_dump()
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=numbers["lr"], betas=tuple(numbers["betas"]), eps=numbers["eps"], weight_decay=numbers["weight_decay"]
    )

    def steps(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            logits = net(tokens)[:, -1]
            log_probabilities = torch.log_softmax(logits.to(torch.float64), dim=-1)
            loss = -log_probabilities.gather(1, labels[:, None]).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            optimiser.zero_grad()
        return (time.perf_counter() - began) / count

    return steps
