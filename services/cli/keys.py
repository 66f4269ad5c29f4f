"""Keys that a development system makes for itself, once, below `var/keys` (0600). Production is given its own."""

import base64
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def kept(path: Path, text: str) -> str:
    """Return what `path` holds; when there is nothing yet, `text` is put there, whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text()


def secret_key(keys: Path) -> str:
    """Return this system's secret: service tokens and database roles derive from it."""
    return kept(keys / "secret", secrets.token_urlsafe(48))


def data_keys(keys: Path) -> str:
    """Return the keys of personal data at rest."""
    return kept(keys / "data", f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}")
