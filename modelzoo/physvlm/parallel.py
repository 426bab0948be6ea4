"""One process or many: process groups, sharded or copied models, and the few sums that processes exchange.

A run with several processes is started by `torchrun` or by `launch`; both name rank and world in the environment.
Gradients are averaged over processes by both kinds of model, so every process scales its loss by their number.
"""

import contextlib
import datetime
import os

import torch
import torch.distributed as dist


class World:
    """This process among the others, and its device."""

    def __init__(self, *, device=None):
        self.rank = int(os.environ.get("RANK", 0))
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        cuda = torch.cuda.is_available()
        self.device = torch.device(device or (f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if cuda else "cpu"))
        self.cuda = self.device.type == "cuda"
        self._made = False

    @property
    def first(self):
        return self.rank == 0

    def start(self, *, minutes=60):
        """Join the other processes. Alone, only a GPU needs a group: there a sharded model keeps the float32 masters."""
        if self.cuda:
            torch.cuda.set_device(self.device)
        if self.size == 1 and not self.cuda:
            return
        if self.size == 1:
            os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
            os.environ.setdefault("MASTER_PORT", "0")
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if self.cuda else "gloo",
            rank=self.rank,
            world_size=self.size,
            timeout=datetime.timedelta(minutes=minutes),
        )
        self._made = True

    def stop(self):
        if self._made:
            dist.destroy_process_group()
            self._made = False

    def wait(self):
        if self.size > 1:
            dist.barrier()

    def sum(self, tensor):
        """The tensor summed over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def most(self, number):
        """The largest of a small whole number over all processes, exchanged on the processor."""
        if self.size == 1:
            return number
        value = torch.tensor([number])
        dist.all_reduce(value, dist.ReduceOp.MAX)
        return int(value)

    def share(self, value):
        """What the first process says, for all of them."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]


class Wrapped:
    """A model ready to train. `forward` is what the loop calls; `model` the module with the plain names."""

    def __init__(self, model, world, *, sharding, precision):
        self.model, self.world = model, world
        self.sharded = sharding == "fsdp" and (world.size > 1 or world.cuda)
        if precision == "bf16" and not self.sharded:
            model.to(torch.bfloat16)
        if self.sharded:
            shard(model, world, bf16=precision == "bf16")
            self.forward = model
        elif world.size > 1:
            self.forward = torch.nn.parallel.DistributedDataParallel(
                model, device_ids=[world.device] if world.cuda else None
            )
        else:
            self.forward = model

    @contextlib.contextmanager
    def last(self, is_last):
        """Around the backward of a micro-batch: gradients are exchanged only after the last one of a step."""
        if self.sharded and self.world.size > 1:
            self.model.set_requires_gradient_sync(is_last)
            yield
        elif self.forward is not self.model and not is_last:
            with self.forward.no_sync():
                yield
        else:
            yield

    def norm(self, gradients):
        """Euclidean norm of the whole gradient, from the parts of this process."""
        squares = [gradient.float().square().sum() for gradient in gradients if gradient is not None]
        total = torch.stack(squares).sum() if squares else torch.zeros((), device=self.world.device)
        if self.sharded:
            self.world.sum(total)
        return total.sqrt()


def shard(model, world, *, bf16):
    """FSDP2 over all processes: one group for each layer of the language model, the rest with the root.

    Weights stay float32; with `bf16` every group computes in bf16 and sums gradients in float32. What is frozen below
    the language model (the vision tower) is kept whole on every process: it has no optimizer state, and no traffic.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32) if bf16 else MixedPrecisionPolicy()
    tower = model.model.vision_tower
    if bf16:
        tower.to(torch.bfloat16)
    kept = set(tower.parameters())
    for layer in model.model.language_model.layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy, ignored_params=kept)
