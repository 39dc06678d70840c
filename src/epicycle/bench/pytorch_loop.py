"""The training loop that papers on grokking publish, in PyTorch: every row through every position, one seed at a time.

Written anew in the style of the public grokking repositories: einsum attention over all positions, AdamW, full batches, the loss from
float64 log-probabilities (as in the progress-measures code; in float32 small losses vanish). The networks compute the same function
as `epicycle.models`; a test compares their logits.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Params


class Network(nn.Module):
    """A network whose parameters are attributes, by their names in `epicycle.models`."""

    def __init__(self, params: Params) -> None:
        super().__init__()
        for name, value in params.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value)))

    def __getattr__(self, name: str) -> Any:
        """A parameter or buffer by its name. PyTorch declares `Tensor | Module` here, with which no arithmetic passes a type check."""
        return super().__getattr__(name)


class Transformer(Network):
    """Causal blocks without normalisation, with weights in the shapes of `epicycle.models.transformer.model`."""

    def __init__(self, params: Params) -> None:
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
    """The embeddings of the operands, concatenated, through one hidden ReLU layer."""

    def forward(self, tokens: Any) -> Any:
        """Logits, with a position axis of length 1."""
        operands = self.W_in.shape[0] // self.W_E.shape[1]
        x = self.W_E[tokens[:, :operands]].flatten(start_dim=1)
        return (torch.relu(x @ self.W_in + self.b_in) @ self.W_U)[:, None]


NETWORKS = {"transformer": Transformer, "mlp": MLP}


def network(experiment: Experiment, params: Params) -> nn.Module:
    """The network of an experiment with given weights.

    Raises:
        KeyError: there is no plain version of this kind of model.
    """
    return NETWORKS[experiment.model.kind](params)


def trainer(experiment: Experiment, params: Params, threads: int) -> Callable[[int], float]:
    """A function that trains a network on the split of data_seed 0 for a number of steps, and returns seconds for one step.

    Args:
        experiment: what is trained; its optimiser must be AdamW.
        params: the weights to begin with, as NumPy arrays.
        threads: CPU threads that PyTorch may use.
    """
    torch.set_num_threads(threads)
    table = experiment.task.table()
    rows = experiment.split.train_rows(table, 0)
    tokens, labels = torch.tensor(table.inputs[rows]).long(), torch.tensor(table.labels[rows]).long()
    net, fields = network(experiment, params), experiment.training.optimiser.model_dump()
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=fields["lr"], betas=tuple(fields["betas"]), eps=fields["eps"], weight_decay=fields["weight_decay"]
    )

    def steps(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            logits = net(tokens)[:, -1]
            log_probabilities = torch.log_softmax(logits.to(torch.float64), dim=-1)
            # Typed as Any: PyTorch's `backward` has no types, which mypy reports only where PyTorch is installed.
            loss: Any = -log_probabilities.gather(1, labels[:, None]).mean()
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        return (time.perf_counter() - began) / count

    return steps
