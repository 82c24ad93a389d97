"""Build hook: puts the compiled browser client into the package.

Built from a source checkout it runs npm once and again only when something under `web/` has changed. The sdist carries
the compiled files and their stamp, so installing from it (or from a wheel) needs no Node.

`python hatch_build.py` does the same by hand.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "clickmask" / "server" / "static"
STAMP = STATIC / "source.sha256"
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src", "public")
NODE_MAJOR = 20
SKIP_VARIABLE = "CLICKMASK_SKIP_WEB"

NO_NODE = f"""\
The browser client has to be compiled, and that needs Node {NODE_MAJOR} or newer with npm; {{found}}.
  Debian, Ubuntu:  apt install nodejs npm      macOS:  brew install node      others: nodejs.org
Installing a released clickmask (pip install clickmask) needs no Node.
To install from source without the page, set {SKIP_VARIABLE}=1; `clickmask annotate` will then say what is missing.
"""


class CustomBuildHook(BuildHookInterface[Any]):
    """Called by hatchling before it collects the files of a wheel, an sdist or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the client if it is missing or older than its sources."""
        del version, build_data
        build_if_stale()


def build_if_stale() -> bool:
    """Compile the client unless it is up to date; true if it was compiled.

    Raises:
        RuntimeError: Node is missing or too old, or npm failed.
    """
    if os.environ.get(SKIP_VARIABLE) == "1" or is_fresh():
        return False
    require_node()
    npm("ci")
    npm("run", "build")
    STAMP.write_text(source_hash() + "\n", encoding="ascii")
    return True


def is_fresh() -> bool:
    """Whether the compiled client was made from exactly these sources."""
    if not (STATIC / "index.html").is_file() or not STAMP.is_file():
        return False
    return STAMP.read_text(encoding="ascii").strip() == source_hash()


def source_hash() -> str:
    """SHA-256 over names and contents of everything the client is compiled from."""
    digest = hashlib.sha256()
    for path in sorted(source_files()):
        # Text is hashed without carriage returns: a checkout on Windows is not another client.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(WEB).as_posix().encode()
        digest.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return digest.hexdigest()


def source_files() -> list[Path]:
    """The files that the compiled client depends on."""
    found: list[Path] = []
    for name in SOURCES:
        path = WEB / name
        found += [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path] * path.is_file()
    return found


def require_node() -> None:
    """Stop with advice when Node or npm cannot do the work."""
    node, npm_path = shutil.which("node"), shutil.which("npm")
    if node is None or npm_path is None:
        missing = " and ".join(n for n, p in (("node", node), ("npm", npm_path)) if p is None)
        raise RuntimeError(NO_NODE.format(found=f"not found here: {missing}"))
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < NODE_MAJOR:
        raise RuntimeError(NO_NODE.format(found=f"found Node {version}"))


def npm(*arguments: str) -> None:
    """Run npm in `web/`; its output is shown only when it fails."""
    command = [shutil.which("npm") or "npm", *arguments]
    result = subprocess.run(command, cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"`npm {' '.join(arguments)}` in {WEB} failed:\n{result.stdout[-4000:]}")


if __name__ == "__main__":
    try:
        built = build_if_stale()
    except RuntimeError as error:
        sys.exit(str(error))
    sys.stdout.write("Browser client compiled.\n" if built else "Browser client is up to date.\n")
