"""System programs that the tests need: installed by apt where that is allowed, else the one line that installs them."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PACKAGES = {
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
    "nginx": "nginx-light",
    "promtool": "prometheus",
}
APT_LINE = (Path(__file__).parents[2] / "deploy" / "apt-install.sh").read_text().strip()
LOCK = Path(tempfile.gettempdir()) / "lantai-tests-apt.lock"


def need(*programs: str) -> None:
    """Return when the programs can be run; install them as root, else fail the test with the apt line."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [program for program in programs if shutil.which(program) is None]
        if not missing:
            return
        if os.geteuid() == 0 and shutil.which("apt-get"):
            install = ["apt-get", "install", "-y", "--no-install-recommends", *(PACKAGES[name] for name in missing)]
            subprocess.run(["apt-get", "update"], check=False, capture_output=True)
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(install, check=False, capture_output=True, env=environment)
            missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.fail(f"missing: {', '.join(missing)}; run as root: {APT_LINE}", pytrace=False)
