"""A real nginx with the committed gateway configuration, filled in as the image's entry point fills it in."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.kit.apt import need

TEMPLATE = Path(__file__).parents[2] / "deploy" / "nginx" / "default.conf.template"
# What the image's own nginx.conf has around our file, and what an unprivileged run in a directory needs.
AROUND = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/default.conf;
}}
"""


class Gateway:
    """nginx in `directory`, from the environment that compose gives its container."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        need("nginx")
        directory.mkdir(parents=True)
        text = TEMPLATE.read_text()
        for name, value in {"NGINX_LOCAL_RESOLVERS": "127.0.0.1", **environment}.items():
            text = text.replace(f"${{{name}}}", value)
        (directory / "default.conf").write_text(text.replace("/dev/stdout", str(directory / "access.log")))
        (directory / "nginx.conf").write_text(AROUND.format(directory=directory))
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=TERM", "nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        time.sleep(0.3)
        assert self._process.poll() is None, (directory / "log").read_text()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
