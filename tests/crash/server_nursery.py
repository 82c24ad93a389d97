"""Starts servers that are killed: modules are imported once, each server is a forked process of its own.

Reads lines from standard input: ``start FOLDER`` forks a server and answers ``PID PORT TOKEN``, ``reap`` waits until it
is gone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from fastapi import FastAPI
from PIL import Image

from clickmask.api import build_pipeline
from clickmask.core.protocols import Request, Result
from clickmask.predict.cloud_predictor import CloudPipeline
from clickmask.predict.clouds import CloudOptions
from clickmask.predict.predictor import Pipeline
from clickmask.server.app import create_app
from clickmask.server.clouds.mind import warm
from clickmask.server.menus import CLOUDS, ModelMenu
from clickmask.server.run import listen, serve
from clickmask.server.settings import Settings
from clickmask.store.project import open_project
from clickmask.zoo import catalog

with warnings.catch_warnings():
    # Newer starlettes ask for httpx2; both work, and older ones know only httpx.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


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


def build(name: str) -> Pipeline:
    """A model whose answer depends on the prompts alone, not on how many of them it was asked in one go."""
    pipeline = build_pipeline(name)

    def step(request: Request) -> Result:
        fresh = request if request.prompts.initial_mask is not None else replace(request, previous=None)
        return pipeline.step(fresh)

    return replace(pipeline, step=step)


def application(folder: Path, port: int) -> tuple[FastAPI, str]:
    """The annotator on a folder, and its token."""
    settings = Settings(port=port, model="flood")
    images, clouds = {"flood": catalog.find("flood")[0]}, {CLOUDS: ModelMenu(build_balls, warm, dict, "balls")}
    app = create_app(settings, open_project(folder), build, lambda: images, clouds)
    return app, settings.token


def warm_up() -> None:
    """Go through a server's life once, so that what is imported and compiled on the way is there in every fork."""
    cv2.setNumThreads(0)  # its threads would not live on in a fork
    with tempfile.TemporaryDirectory() as folder:
        Image.new("RGB", (32, 32)).save(Path(folder) / "a.png")
        app, token = application(Path(folder), 8000)
        with TestClient(app, "http://127.0.0.1:8000", headers={"Authorization": f"Bearer {token}"}) as client:
            click = {"type": "click", "x": 5, "y": 5, "client": "warming-up"}
            for command in (click, {"type": "finish", "client": "warming-up"}):
                client.post("/api/v1/images/1/commands", json=command)
            client.post("/api/v1/export", json={"format": "coco"})


def run_server(folder: Path) -> None:
    listening = listen("127.0.0.1", 0, 0)
    port = listening.getsockname()[1]
    app, token = application(folder, port)
    serve(app, listening, lambda: say(os.getpid(), port, token))


def main() -> None:
    warm_up()
    child = 0
    for line in sys.stdin:
        word, _, folder = line.strip().partition(" ")
        if word == "reap":
            os.waitpid(child, 0)
            say("gone")
        else:
            child = os.fork()
            if child == 0:
                run_server(Path(folder))
                os._exit(0)


if __name__ == "__main__":
    main()
