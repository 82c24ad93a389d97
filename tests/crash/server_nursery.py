"""Starts servers that are killed: modules are imported once, each server is a forked process of its own.

Reads lines from standard input: ``start`` forks a server and answers ``PID PORT TOKEN``, ``reap`` waits until it is
gone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from clickmask.api import build_pipeline
from clickmask.predict.cloud_predictor import CloudPipeline
from clickmask.predict.clouds import CloudOptions
from clickmask.server.app import create_app
from clickmask.server.clouds.mind import warm
from clickmask.server.menus import CLOUDS, ModelMenu
from clickmask.server.run import listen, serve
from clickmask.server.settings import Settings
from clickmask.store.project import open_project
from clickmask.zoo import catalog


class Balls:
    """A network for clouds that needs no weights: what lies near a positive click and no negative one."""

    depth = 2

    def run(self, plan, channels):
        return (channels[:, 10] - np.maximum(channels[:, 11], np.float32(0.5))) * 20


def build_balls(name: str) -> CloudPipeline:
    return CloudPipeline(name, CloudOptions(voxel=0.05, level=False), Balls())


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def run_server(folder: Path) -> None:
    listening = listen("127.0.0.1", 0, 0)
    settings = Settings(port=listening.getsockname()[1], model="flood")
    images, clouds = {"flood": catalog.find("flood")[0]}, {CLOUDS: ModelMenu(build_balls, warm, dict, "balls")}
    app = create_app(settings, open_project(folder), build_pipeline, lambda: images, clouds)
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
