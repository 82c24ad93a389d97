"""A clickmask command in a process of its own, heard line by line, killed if nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from clickmask.core.errors import ClickmaskError
from clickmask.core.words import words

LINE_BYTES = 2**20
"""Longest line that a training may print."""
COMPLAINT_CHARACTERS = 600
"""Of what a failed process said last."""


class ProcessFailedError(ClickmaskError):
    """A training process ended without what it was begun for; the text is its own complaint."""


async def run_command(command: tuple[str, ...], hear: Callable[[bytes], None]) -> None:
    """A command to its end; it is killed if this is cancelled.

    Args:
        command: program and arguments.
        hear: is given every line that the command prints.

    Raises:
        ProcessFailedError: it failed.
    """
    pipe = asyncio.subprocess.PIPE
    # Ctrl+C in the terminal goes to this process alone, which ends the other one in good order
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, limit=LINE_BYTES, start_new_session=True
    )
    assert process.stdout is not None  # noqa: S101 - these are pipes
    assert process.stderr is not None  # noqa: S101
    complaint = asyncio.create_task(_last_words(process.stderr))
    try:
        async for line in process.stdout:
            hear(line)
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        said = await complaint
    if status:
        raise ProcessFailedError(_why(status, said))


async def _last_words(stream: asyncio.StreamReader) -> str:
    """The end of what a process said on its error output."""
    said = b""
    while chunk := await stream.read(65536):
        said = (said + chunk)[-4 * COMPLAINT_CHARACTERS :]
    return said.decode("utf-8", "replace")


def _why(status: int, said: str) -> str:
    """A failure in the process's own words where it is one of clickmask's, else with how it ended."""
    _, found, told = said.rpartition("Error: ")
    if status == 2 and found:
        return told.strip()[:COMPLAINT_CHARACTERS]
    if status < 0:
        text = "The training was ended by the system (signal {signal}); often that means too little memory."
        return words("refused.teaching.killed", text, signal=-status)
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return words("refused.teaching.failed", "The training failed: {said}", said=last[0][:COMPLAINT_CHARACTERS])
