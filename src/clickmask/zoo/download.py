"""Fetch a published file of weights, when a person asks for it: progress, resume, checksum. Nothing else downloads."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clickmask.core.errors import WeightsError
from clickmask.zoo.methods import Published

CHUNK = 1 << 20
TIMEOUT_SECONDS = 60.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
RANGE_NOT_SATISFIABLE = 416

Report = Callable[[int, int | None], None]
"""Called with the bytes that are there and, if the server tells, all there will be."""


def download(file: Published, target: Path, report: Report) -> str:
    """Fetch a published file to `target`; a fetch that was cut off before goes on where it was.

    Args:
        file: what to fetch; its `sha256` is checked where it is known.
        target: written in one step at the end; until then the bytes are in ``<target>.part``.
        report: shows progress.

    Returns:
        SHA-256 of the file.

    Raises:
        WeightsError: no address is known, it cannot be reached, or the bytes are not those of the published file.
    """
    _check_url(file)
    part = target.with_name(f"{target.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _fetch(file.url, part, report)
    except (urllib.error.URLError, HTTPException, TimeoutError, OSError) as error:
        kept = " What came so far is kept: the same command goes on from there." if part.exists() else ""
        raise WeightsError(f"{file.url} cannot be fetched: {error}.{kept}") from error
    digest = checksum(part)
    if file.sha256 and digest != file.sha256:
        part.unlink()
        raise WeightsError(
            f"{file.url} gave other bytes than were published (sha256 {digest[:12]}…, expected {file.sha256[:12]}…). "
            "They were thrown away. Try again, or fetch the file yourself."
        )
    part.replace(target)
    return digest


def checksum(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_url(file: Published) -> None:
    """HTTPS, or plain HTTP from this machine itself."""
    parts = urlsplit(file.url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise WeightsError(
        f"No address is known where {file.file} can be fetched by a program. Fetch it from the authors' page, "
        f"then: clickmask convert-weights {file.file} -o MODEL_DIR"
    )


def _fetch(url: str, part: Path, report: Report) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "clickmask", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE and have:
            return  # everything is there already
        raise
    with answer:
        resumed = answer.status == 206
        _copy(answer, part, have if resumed else 0, report)


def _copy(answer: Any, part: Path, have: int, report: Report) -> None:
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdecimal() else None
    with part.open("ab" if have else "wb") as file:
        report(have, total)
        while piece := answer.read(CHUNK):
            file.write(piece)
            have += len(piece)
            report(have, total)
    if total is not None and have < total:
        raise HTTPException(f"the connection ended after {have} of {total} bytes")
