"""Start the whole Studio on one machine: `make demo`. Ctrl-C stops everything.

PostgreSQL and Redis come from wheels (studio/local.py); supervisord runs the web server, the workers and beat, and
restarts what dies. Logs go to DATA_DIR/logs.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import django
from django.core.management import CommandError, call_command

from studio import local

BASE_DIR = Path(__file__).resolve().parent.parent
PASSWORD = "physgame-demo"  # noqa: S105 -- printed on the terminal; these people exist in the demo only


def programs(port, python):
    """{name: command} of everything the Studio runs on one machine."""
    worker = f"{python} -m celery -A studio worker --without-mingle --without-gossip -l WARNING"
    return {
        "web": f"{python} -m gunicorn studio.wsgi --bind 127.0.0.1:{port} --workers 2 --threads 4 --keep-alive 30",
        "worker-cpu": f"{worker} -n cpu@%%h -Q cpu,io -c 2",
        "worker-llm": f"{worker} -n llm@%%h -Q llm -c 1",
        # Training is a process of its own; these two places are for estimates and for the watcher beside them.
        "worker-gpu": f"{worker} -n gpu@%%h -Q gpu -c 2",
        "beat": f"{python} -m celery -A studio beat -l WARNING",
    }


def seconds_to_stop(name):
    """How long a program may take to stop: requests to language models under way are answered and stored first."""
    from django.conf import settings

    return 10 + (round(settings.LLM_TIMEOUT_S) if name == "worker-llm" else 0)


def supervisor_config(data_dir, port):
    """The text of supervisord's configuration file."""
    logs = data_dir / "logs"
    logs.mkdir(exist_ok=True)
    parts = [
        f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile={logs}/supervisor.log\nlogfile_maxbytes=5MB\n"
        f"pidfile={data_dir}/supervisor.pid\ndirectory={BASE_DIR}\n"
    ]
    for name, command in programs(port, sys.executable).items():
        parts.append(
            f"[program:{name}]\ncommand={command}\nautorestart=true\nstartsecs=2\nstopasgroup=true\nkillasgroup=true\n"
            f"stopwaitsecs={seconds_to_stop(name)}\nredirect_stderr=true\nstdout_logfile={logs}/{name}.log\n"
            "stdout_logfile_maxbytes=10MB\nstdout_logfile_backups=2\n"
        )
    return "\n".join(parts)


def wait_for_health(url, supervisor, *, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if supervisor.poll() is not None:
            raise SystemExit(f"The supervisor stopped at once. Its log is {local.DATA_DIR / 'logs/supervisor.log'}.")
        try:
            with urllib.request.urlopen(url + "/healthz", timeout=30):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit(f"The Studio did not answer within {seconds} s. See the logs in {local.DATA_DIR / 'logs'}.")


def port_is_taken(port):
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def run(port, *, clips, steps):
    if port_is_taken(port):
        raise SystemExit(f"Port {port} is in use; is the demo running already? Choose another: make demo PORT=8001")
    url = f"http://127.0.0.1:{port}"
    os.environ["STUDIO_SITE_URL"] = url
    print("Starting PostgreSQL and Redis ...", flush=True)
    local.start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    django.setup()  # only now: the settings read the addresses that local.start() wrote
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    config = local.DATA_DIR / "supervisor.conf"
    config.write_text(supervisor_config(local.DATA_DIR, port))
    print("Starting web server and workers ...", flush=True)
    # Its own session: Ctrl-C reaches only us, and we stop things in order.
    supervisor = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(config)], start_new_session=True
    )
    try:
        wait_for_health(url, supervisor)
        try:
            call_command("seed_demo", clips=clips)
            if clips and steps:
                call_command("seed_training", steps=steps)
        except CommandError as refusal:  # data of its own must not keep the Studio from running
            print(refusal, flush=True)
        print(
            f"\n  PhysGame Studio runs on {url}\n\n"
            f"  Sign in as annotator, reviewer, lead or admin; the password is {PASSWORD}\n"
            f"  Logs: {local.DATA_DIR / 'logs'}    Stop: Ctrl-C\n",
            flush=True,
        )
        supervisor.wait()
        raise SystemExit(f"The supervisor stopped. Its log is {local.DATA_DIR / 'logs/supervisor.log'}.")
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervisor.terminate()
        try:
            supervisor.wait(10 + seconds_to_stop("worker-llm"))
        except subprocess.TimeoutExpired:
            os.killpg(supervisor.pid, signal.SIGKILL)
        local.stop()
        print("Everything is stopped.", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="python -m studio.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--steps", type=int, default=30, help="of each of the demo's two training runs; 0: none")
    arguments = parser.parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell starts background commands deaf to SIGINT
        signal.signal(ending, signal.default_int_handler)
    run(arguments.port, clips=arguments.clips, steps=arguments.steps)


if __name__ == "__main__":
    main()
