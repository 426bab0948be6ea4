"""Serve a checkpoint with OpenAI's chat completions."""

import ipaddress
import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

TOKEN = "PHYSVLM_SERVE_TOKEN"  # noqa: S105 -- the variable's name
_FEWEST = {"port": 0, "batch": 1, "queue": 1, "seconds": 1, "max_body_mb": 1, "max_tokens": 1, "idle_exit": 0}


class Command(BaseCommand):
    help = (
        "Serve a checkpoint with OpenAI's chat completions at http://HOST:PORT/v1, until SIGTERM or Ctrl-C. Pictures and "
        f"videos come as data: URLs; nothing is fetched. With {TOKEN} in the environment every request needs it as bearer "
        "token; without it only this machine can be served. Needs neither database nor workers."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("checkpoint", metavar="CKPT", help="a folder of weights, a run's folder or checkpoint")
        parser.add_argument("--host", default="127.0.0.1", metavar="H", help="default 127.0.0.1")
        parser.add_argument("--port", type=int, default=8100, metavar="P", help="default 8100; 0 takes a free one")
        parser.add_argument("--name", default="", metavar="N", help="the model's name (default: the run's or the folder's)")
        parser.add_argument("--device", metavar="D", help="cuda, cuda:1 or cpu (default: cuda where there is one)")
        parser.add_argument("--batch", type=int, default=8, metavar="N", help="requests in one forward pass (8)")
        parser.add_argument("--queue", type=int, default=64, metavar="N", help="requests at once; more are told 429 (64)")
        parser.add_argument("--seconds", type=int, default=120, metavar="S", help="longest a request may take (120)")
        parser.add_argument("--max-body-mb", type=int, default=64, metavar="MB", help="largest request (64)")
        parser.add_argument("--max-tokens", type=int, default=256, metavar="N", help="where a request does not say (256)")
        parser.add_argument("--idle-exit", type=int, default=0, metavar="S", help="end after S seconds without a request")
        parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")

    def handle(self, *, checkpoint, host, port, name, device, **options):
        parent = os.getppid()
        for option, fewest in _FEWEST.items():
            value = port if option == "port" else options[option]
            if value < fewest or option == "port" and value > 65535:
                raise CommandError(f"--{option.replace('_', '-')} {value}: must be {fewest} or more.")
        token = os.environ.get(TOKEN, "")
        if not token and not _is_local(host):
            raise CommandError(f"Set {TOKEN} to serve on {host}; without a token only this machine can be served.")
        engine, served = self._load(checkpoint, name, device, token, options)
        from modelzoo.physvlm.serving import app

        def say(address, number):
            where = f"[{address}]" if ":" in address else address
            self.stdout.write(
                f"Serving {served.name} on http://{where}:{number}/v1 ({engine.device.type}, "
                f"{'with' if token else 'without'} token)."
            )
            self.stdout.flush()

        try:
            app.run(
                served, host=host, port=port, say=say, idle_s=options["idle_exit"],
                parent=parent if options["with_parent"] else 0,
            )  # fmt: skip
        except OSError as error:
            raise CommandError(f"{host}:{port} cannot be listened on: {error.strerror or error}.") from error
        self.stdout.write("Ended.")

    def _load(self, checkpoint, name, device, token, options):
        import torch

        from modelzoo import guarded_video
        from modelzoo.physvlm import build
        from modelzoo.physvlm.files import weights_hash
        from modelzoo.physvlm.runfolder import RunError
        from modelzoo.physvlm.serving.app import Served
        from modelzoo.physvlm.serving.engine import Engine
        from modelzoo.physvlm.serving.limits import Limits, Refused
        from modelzoo.physvlm.serving.pictures import Seen

        path = Path(checkpoint)
        if not (path / "COMMITTED").exists() and (path / "model" / "config.json").exists():
            path = path / "model"  # a run's folder
        limits = Limits(
            body_bytes=options["max_body_mb"] << 20, queue=options["queue"], batch=options["batch"],
            seconds=float(options["seconds"]), new_tokens=options["max_tokens"],
        )  # fmt: skip
        build.hush()
        try:
            bundle = build.load(path)
            where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
            bundle.model.to(where).eval()
        except (RunError, RuntimeError) as error:
            raise CommandError(str(error)) from error
        if where.type == "cuda":
            bundle.model.to(torch.bfloat16)

        def read_video(data, *, frames, size):
            try:
                return Seen(*guarded_video.read_video(
                    data, frames=frames, size=size, max_s=limits.video_s, max_pixels=limits.video_pixels
                ))  # fmt: skip
            except guarded_video.BadVideo as refusal:
                raise Refused(f"The video cannot be shown: {refusal}", code="invalid_video") from None

        engine = Engine(bundle, limits, device=where)
        known = build.parent_of(path)
        found = path.resolve()
        usual = f"{known['run']}@{known['step']}" if known else found.parent.name if found.name == "model" else found.name
        return engine, Served(engine, name or usual, weights_hash(path), read_video, limits, token)


def _is_local(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
