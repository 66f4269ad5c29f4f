"""The operating-system account of the embedded PostgreSQL, which refuses to run as root.

Started by an ordinary user, the server runs as that user. Started by root, it runs as `postgres` or `nobody`,
and no directory above `var` is changed for it: where those are closed to others (a checkout below /root), the
server keeps one capability that lets it pass, and nothing else of root's power. It can never gain more
(`no_new_privs`), and dies with the process that started it (parent-death signal).
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Reading and passing closed directories suffices; containers often hold back that capability but grant the wider one.
CAPABILITIES = (None, "dac_read_search", "dac_override")
NAMES = ("postgres", "nobody")


class NoFittingAccount(RuntimeError):
    """Root has no way to run the server as somebody else; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """A user and group of this machine."""

    uid: int
    gid: int

    @classmethod
    def fitting(cls) -> "Account":
        """The account for a new cluster."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        for name in NAMES:
            try:
                found = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(found.pw_uid, found.pw_gid)
        raise NoFittingAccount(
            "PostgreSQL does not run as root and this machine has neither a user `postgres` nor `nobody`: "
            "add one, or start Lantai as an ordinary user."
        )

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()

    def give(self, path: Path) -> None:
        """Make the account own `path` and all below it."""
        if not self.is_other:
            return
        os.chown(path, self.uid, self.gid)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)

    def prefix(self, program: Path, data: Path) -> list[str]:
        """The words before a command that make it run as this account, able to run `program` and write to `data`."""
        if not self.is_other:
            return _dying_with_us()
        for capability in CAPABILITIES:
            words = self._switched(capability)
            if words and _reaches(tuple(words), program, data):
                return words
        raise NoFittingAccount(
            f"PostgreSQL does not run as root and the account with uid {self.uid} cannot reach {data}: "
            "move the checkout and LANTAI_VAR out of closed directories, or start Lantai as an ordinary user."
        )

    def _switched(self, capability: str | None) -> list[str]:
        words = _dying_with_us()
        if not words:
            return []
        words += [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--no-new-privs"]
        if capability is not None:
            words += [f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"]
        return words


def _dying_with_us() -> list[str]:
    """SIGINT (PostgreSQL's fast shutdown) reaches the server when its starter dies, be it by kill -9."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig=INT"] if setpriv else []


@cache
def _reaches(words: tuple[str, ...], program: Path, data: Path) -> bool:
    question = '"$0" --version && test -w "$1"'
    asked = subprocess.run(
        [*words, "sh", "-c", question, str(program), str(data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        check=False,
    )
    return asked.returncode == 0
