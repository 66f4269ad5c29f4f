"""A Chinese font for tests that print: installed by apt where that is allowed, else the one line that installs it."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.kit.apt import APT_LINE, LOCK

FONTS = Path("/usr/share/fonts")


def need_chinese_font() -> None:
    """Return when Noto CJK is there; install it as root, else fail the test with the apt line."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _there() and os.geteuid() == 0:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            install = ["apt-get", "install", "-y", "--no-install-recommends", "fonts-noto-cjk"]
            subprocess.run(["apt-get", "update"], check=False, capture_output=True)
            subprocess.run(install, check=False, capture_output=True, env=environment)
    if not _there():
        pytest.fail(f"missing: fonts-noto-cjk; run as root: {APT_LINE}", pytrace=False)


def _there() -> bool:
    return any(FONTS.rglob("NotoSerifCJK*"))
