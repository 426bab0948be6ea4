"""The HTTP side: who may ask, how much at once, and an orderly end."""

import asyncio
import hmac
import json
import logging
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiohttp import web

from modelzoo.physvlm.serving.limits import Limits, Refused
from modelzoo.physvlm.serving.pictures import seen_of
from modelzoo.physvlm.serving.replies import Reply, failure
from modelzoo.physvlm.serving.wanted import read

logger = logging.getLogger(__name__)
_POLL_S = 0.5


@dataclass
class Served:
    """What answers: `weights` names them for good (files.weights_hash); `read_video(data, frames=, size=)` -> `Seen`."""

    engine: object
    name: str
    weights: str
    read_video: object
    limits: Limits = Limits()
    token: str = ""


class Server:
    def __init__(self, served):
        self.served, self.limits = served, served.limits
        self.active = self.bytes = 0
        self.ending = False
        self.begun = self.used = time.monotonic()
        self.answered = 0
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="media")

    def app(self):
        app = web.Application(client_max_size=self.limits.body_bytes, middlewares=[self.guard])
        app.router.add_get("/health", self.health)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/v1/models/{name:.+}", self.model)
        app.router.add_post("/v1/chat/completions", self.chat)
        return app

    @web.middleware
    async def guard(self, request, handler):
        """The token first; then every failure in one shape."""
        try:
            if request.path != "/health":
                self._check_token(request)
            return await handler(request)
        except Refused as refusal:
            return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers())
        except web.HTTPRequestEntityTooLarge:
            return _refusal(Refused(f"The body is larger than {self.limits.body_bytes} bytes.", status=413))
        except web.HTTPMethodNotAllowed as error:
            refusal = Refused(f"{request.method} is not possible here.", status=405)
            return _refusal(refusal, {"Allow": ", ".join(sorted(error.allowed_methods))})
        except web.HTTPException as error:
            return _refusal(Refused("There is nothing at this address.", status=error.status))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            logger.exception("A request failed")
            return _refusal(Refused("The server failed; its log says more.", status=500))

    def _check_token(self, request):
        if not self.served.token:
            return
        kind, _space, given = request.headers.get("Authorization", "").partition(" ")
        given = given.strip().encode("utf-8", "surrogateescape")
        if kind.lower() != "bearer" or not hmac.compare_digest(given, self.served.token.encode()):
            raise Refused("The token is missing or wrong.", status=401, code="invalid_api_key")

    # ---- What it tells about itself

    async def health(self, request):
        state = "ending" if self.ending else "ok"
        body = {"status": state, "model": self.served.name, "active": self.active, "answered": self.answered}
        return web.json_response(body, status=503 if self.ending else 200)

    def _about(self):
        engine = self.served.engine
        config = engine.bundle.config
        return {
            "id": self.served.name,
            "object": "model",
            "created": 0,
            "owned_by": "physvlm",
            "physvlm": {
                "weights": self.served.weights,
                "frames": config.frames,
                "frame_size": engine.bundle.frame_size,
                "context": engine.context,
                "heat": engine.own,
            },
        }

    async def models(self, request):
        return web.json_response({"object": "list", "data": [self._about()]})

    async def model(self, request):
        self._check_model(request.match_info["name"])
        return web.json_response(self._about())

    def _check_model(self, name):
        if name not in ("", self.served.name):
            raise Refused(
                f"There is no model {name[:80]}; this server has {self.served.name}.",
                status=404, code="model_not_found", param="model",
            )  # fmt: skip

    # ---- Answering

    async def chat(self, request):
        if self.ending:
            raise Refused("The server is ending.", status=503, retry_after=30)
        if self.active >= self.limits.queue:
            raise Refused("Too many requests are waiting.", status=429, code="queue_full", retry_after=self._wait_s())
        size = request.content_length or (0 if request.can_read_body is False else self.limits.body_bytes)
        if size > self.limits.body_bytes:
            raise Refused(f"The body is larger than {self.limits.body_bytes} bytes.", status=413)
        if self.bytes + size > self.limits.all_bytes:
            raise Refused("Too much is being worked on.", status=429, code="queue_full", retry_after=self._wait_s())
        self.active, self.bytes, begun = self.active + 1, self.bytes + size, time.monotonic()
        try:
            return await self._answer(request, begun + self.limits.seconds)
        finally:
            self.active, self.bytes, self.used = self.active - 1, self.bytes - size, time.monotonic()

    def _wait_s(self):
        """What a refused client is told to wait: as long as the queue takes at the speed of late, roughly."""
        return max(1, min(60, self.active // self.limits.batch))

    async def _answer(self, request, deadline):
        wanted = await self._wanted(request)
        self._check_model(wanted.model)
        if wanted.weights and wanted.weights != self.served.weights:
            raise Refused("This server has other weights by now.", status=412, code="other_weights", param="physvlm.weights")
        engine, loop, events = self.served.engine, asyncio.get_running_loop(), asyncio.Queue()
        seen = await self._in_pool(
            deadline, seen_of, wanted.media, frames=engine.bundle.config.frames, size=engine.bundle.frame_size,
            limits=self.limits, read_video=self.served.read_video,
        )  # fmt: skip

        def tell(event):
            try:
                loop.call_soon_threadsafe(events.put_nowait, event)
            except RuntimeError:  # the server has ended meanwhile
                pass

        row = engine.row(wanted, seen, deadline=deadline, tell=tell)
        reply = Reply(row, self.served.name, engine._decode)
        engine.submit(row)
        try:
            return await (self._stream(request, reply, events) if wanted.stream else self._whole(reply, events))
        finally:
            row.cancelled.set()

    async def _wanted(self, request):
        if request.content_type != "application/json":
            raise Refused("The Content-Type must be application/json.", status=415)
        try:
            async with asyncio.timeout(self.limits.read_s):
                body = await request.read()
        except TimeoutError:
            raise Refused("The body did not arrive in time.", status=408) from None
        try:
            parsed = await self._in_pool(None, json.loads, body)
        except (ValueError, RecursionError):
            raise Refused("The body is not valid JSON.") from None
        return read(parsed, self.limits)

    async def _in_pool(self, deadline, work, *arguments, **named):
        """What the function gives, in a thread; `Refused` where it takes too long."""
        future = asyncio.get_running_loop().run_in_executor(self.pool, lambda: work(*arguments, **named))
        left = None if deadline is None else max(0.1, deadline - time.monotonic())
        try:
            async with asyncio.timeout(left):  # wait_for would forget a client that hangs up just as the thread is done
                return await future
        except TimeoutError:
            raise Refused("Reading the pictures took too long.", status=503, code="timeout", retry_after=5) from None

    async def _whole(self, reply, events):
        while reply.reason is None:
            reply.take(await events.get())
        self.answered += 1
        return web.json_response(reply.whole())

    async def _stream(self, request, reply, events):
        first = await events.get()
        if first[0] == "error":  # nothing has been sent, so it can still be said with a status
            raise first[1]
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        more = dict(reply.more)
        await response.write(reply.piece({"role": "assistant", "content": ""}, more=more))
        happened = first
        try:
            while True:
                for piece in reply.pieces(happened):
                    await response.write(piece)
                if reply.reason is not None:
                    break
                happened = await events.get()
            for piece in reply.last():
                await response.write(piece)
            self.answered += 1
        except Refused as refusal:
            await response.write(failure(refusal))
        await response.write_eof()
        return response


def _refusal(refusal, headers=None):
    return web.json_response(refusal.body(), status=refusal.status, headers={**refusal.headers(), **(headers or {})})


def run(served, *, host, port, say, idle_s=0, parent=0):
    """Serve until SIGTERM or SIGINT; running requests are finished first. `say(address)` once it listens.

    `idle_s` ends it after so long without a request; `parent` when the process of that number is not its parent any more.
    """
    asyncio.run(_serve(served, host=host, port=port, say=say, idle_s=idle_s, parent=parent))


async def _serve(served, *, host, port, say, idle_s, parent):
    server = Server(served)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0, handle_signals=False
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    served.engine.start()
    try:
        await site.start()
        say(*runner.addresses[0][:2])
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _POLL_S)
            except TimeoutError:
                idle = not server.active and time.monotonic() - server.used > idle_s
                if idle_s and idle or parent and os.getppid() != parent:
                    stop.set()
        server.ending = True
        end = time.monotonic() + served.limits.grace_s
        while server.active and time.monotonic() < end:
            await asyncio.sleep(0.05)
    finally:
        await runner.cleanup()
        served.engine.stop()
        server.pool.shutdown(wait=False, cancel_futures=True)
