"""Starts servers that are killed: modules are imported once, each server is a forked process of its own.

Reads lines from standard input: ``start`` forks a server and answers ``PID PORT TOKEN``, ``reap`` waits until it is
gone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from clickmask.api import build_pipeline
from clickmask.server.app import create_app
from clickmask.server.run import listen, serve
from clickmask.server.settings import Settings
from clickmask.store.project import open_project
from clickmask.zoo import catalog


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def run_server(folder: Path) -> None:
    listening = listen("127.0.0.1", 0, 0)
    settings = Settings(port=listening.getsockname()[1], model="flood")
    app = create_app(settings, open_project(folder), build_pipeline, lambda: {"flood": catalog.find("flood")[0]})
    words = (os.getpid(), settings.port, settings.token)
    serve(app, listening, lambda: say(*words))


def main() -> None:
    folder = Path(sys.argv[1])
    child = 0
    for line in sys.stdin:
        if line.strip() == "reap":
            os.waitpid(child, 0)
            say("gone")
        else:
            child = os.fork()
            if child == 0:
                run_server(folder)
                os._exit(0)


if __name__ == "__main__":
    main()
