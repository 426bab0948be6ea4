"""AdamW whose weights are never rounded to half precision.

At a rate of 1e-5 an update is smaller than half of bf16's last place for most weights of a language model, so AdamW on
bf16 weights changes nothing. Where a parameter is bf16, its float32 master is kept here, gradients of micro-batches are
summed in float32, and the parameter is the master rounded. float32 parameters (also shards of FSDP2) are their own master.
"""

import torch

EPS = 1e-8


def local(tensor):
    """This process' part of a sharded tensor, or the tensor itself."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


class AdamW:
    """Decoupled weight decay (arXiv:1711.05101) on matrices only. `moments` is the type of both running means."""

    def __init__(self, named_parameters, *, beta1, beta2, weight_decay, moments=torch.float32, seed=0):
        self.names, self.parameters = zip(*[(n, p) for n, p in named_parameters if p.requires_grad], strict=True)
        self.beta1, self.beta2, self.weight_decay, self.seed = beta1, beta2, weight_decay, seed
        self.half = [parameter.dtype != torch.float32 for parameter in self.parameters]
        self.state = {}
        for name, parameter, half in zip(self.names, self.parameters, self.half, strict=True):
            self.state[name] = {
                "mean": torch.zeros_like(parameter, dtype=moments, requires_grad=False),
                "square": torch.zeros_like(parameter, dtype=moments, requires_grad=False),
            }
            if half:
                self.state[name]["master"] = parameter.detach().float()
        self._sums = [None] * len(self.parameters)

    def collect(self):
        """After each backward: move gradients of bf16 parameters into float32 sums. Others gather in `.grad`."""
        for place, (parameter, half) in enumerate(zip(self.parameters, self.half, strict=True)):
            if half and parameter.grad is not None:
                gradient = local(parameter.grad)
                self._sums[place] = gradient.float() if self._sums[place] is None else self._sums[place].add_(gradient)
                parameter.grad = None

    def gradients(self):
        """The float32 gradients of this process, in the order of `names`; None where there is none."""
        return [
            total if half else None if parameter.grad is None else local(parameter.grad)
            for parameter, half, total in zip(self.parameters, self.half, self._sums, strict=True)
        ]

    def zero_grad(self):
        self._sums = [None] * len(self.parameters)
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, *, number, rate, scale=1.0):
        """Update `number` (from 0) at `rate`, with all gradients times `scale`."""
        correct1, correct2 = 1 - self.beta1 ** (number + 1), 1 - self.beta2 ** (number + 1)
        generator = None
        for name, parameter, half, gradient in zip(self.names, self.parameters, self.half, self.gradients(), strict=True):
            if gradient is None:
                continue
            state = self.state[name]
            mean, square = local(state["mean"]), local(state["square"])
            master = local(state["master"]) if half else local(parameter)
            gradient = gradient * scale if scale != 1.0 else gradient
            new_mean = torch.lerp(mean.float(), gradient, 1 - self.beta1)
            new_square = (square.float() * self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
            if self.weight_decay and parameter.dim() > 1:
                master.mul_(1 - rate * self.weight_decay)
            master.addcdiv_(new_mean, (new_square / correct2).sqrt_().add_(EPS), value=-rate / correct1)
            if half:
                local(parameter).copy_(master)
            if mean.dtype == torch.bfloat16:
                if generator is None:
                    generator = torch.Generator(mean.device).manual_seed(self.seed * 1_000_003 + number)
                round_at_random(new_mean, mean, generator)
                round_at_random(new_square, square, generator)
            else:
                mean.copy_(new_mean)
                square.copy_(new_square)

    def state_dict(self):
        """{"name.kind": tensor}, sharded tensors as they are; loading writes into these tensors."""
        return {f"{name}.{kind}": tensor for name, state in self.state.items() for kind, tensor in state.items()}


def round_at_random(values, out, generator):
    """Write float32 `values` into bf16 `out`, up or down with the chances that make the mean right.

    To the nearest, a running mean with beta 0.999 would never fall: its steps are below half of bf16's last place.
    """
    noise = torch.randint(0, 1 << 16, values.shape, dtype=torch.int32, device=values.device, generator=generator)
    out.copy_(((values.view(torch.int32) + noise) & -65536).view(torch.float32))
