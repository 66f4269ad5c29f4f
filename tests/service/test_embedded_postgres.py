"""The embedded PostgreSQL through what happens to it: crashes, second starts, odd places, damage."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from shared.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from shared.db.embedded_account import Account
from shared.db.embedded_cluster import account_of
from shared.db.embedded_server import launch, leftovers

Start = Callable[..., Awaitable[EmbeddedPostgres]]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers and stops them after the test."""
    started: list[EmbeddedPostgres] = []

    async def start_one(var: Path) -> EmbeddedPostgres:
        started.append(EmbeddedPostgres(var))
        await started[-1].start()
        return started[-1]

    yield start_one
    for one in started:
        await one.stop()


class App:
    """The application of tests/kit/embedded_app.py in a process of its own."""

    def __init__(self, var: Path) -> None:
        command = [sys.executable, "-m", "tests.kit.embedded_app", str(var)]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.word, _, self.rest = self.process.stdout.readline().strip().partition(" ")


@pytest.fixture
def run_app() -> Iterator[Callable[[Path], App]]:
    started: list[App] = []

    def run(var: Path) -> App:
        started.append(App(var))
        return started[-1]

    yield run
    for app in started:
        app.process.kill()
        app.process.communicate()


def user_ids(pid: int | None) -> set[str]:
    status = Path(f"/proc/{pid}/status").read_text()
    return set(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:])


def sleep_as(account: Account) -> "subprocess.Popen[bytes]":
    """A process of the server's own account, whose pid PostgreSQL would take for another postmaster's."""
    if account.is_other:
        return subprocess.Popen(["sleep", "60"], cwd="/", user=account.uid, group=account.gid)
    return subprocess.Popen(["sleep", "60"])


async def ask(embedded: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(embedded.url().replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def remember(embedded: EmbeddedPostgres, word: str) -> None:
    await ask(embedded, "CREATE TABLE IF NOT EXISTS words (word text)")
    await ask(embedded, f"INSERT INTO words VALUES ('{word}')")


async def remembered(embedded: EmbeddedPostgres) -> object:
    return await ask(embedded, "SELECT string_agg(word, ',') FROM words")


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        await asyncio.sleep(0.02)


async def test_it_is_postgresql_18_and_durable(var: Path, start: Start) -> None:
    embedded = await start(var)
    settings = ["server_version_num", "fsync", "full_page_writes", "synchronous_commit", "data_checksums"]
    found = {name: await ask(embedded, f"SHOW {name}") for name in settings}
    assert str(found.pop("server_version_num")).startswith("18")
    assert set(found.values()) == {"on"}
    assert await ask(embedded, "SHOW server_encoding") == "UTF8"
    assert await ask(embedded, "SHOW listen_addresses") == ""
    assert int(str(await ask(embedded, "SHOW max_connections"))) >= 200
    assert await ask(embedded, "SELECT upper('é') || length('政务')") == "É2"


async def test_it_never_runs_as_root_and_leaves_closed_parents_closed(tmp_path: Path, start: Start) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = {parent: parent.stat().st_mode for parent in [closed, *closed.parents]}
    embedded = await start(closed / "var")
    assert {parent: parent.stat().st_mode for parent in before} == before
    assert user_ids(embedded.pid) == {str(Account.fitting().uid)} != {"0"}
    assert (closed / "var" / "keys" / "postgres-administrator").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["长" * 30 + "x" * 60, "comma,and space"])
async def test_a_path_that_no_socket_can_have_is_no_obstacle(tmp_path: Path, start: Start, name: str) -> None:
    embedded = await start(tmp_path / name / "var")
    assert await ask(embedded, "SELECT 1") == 1
    assert not str(embedded.files.sockets).startswith(str(tmp_path))
    await embedded.stop()
    assert not embedded.files.sockets.exists()


async def test_data_survive_kill_9_of_the_application(var: Path, start: Start, run_app: Callable[[Path], App]) -> None:
    app = run_app(var)
    assert app.word == "ready"
    client = EmbeddedPostgres(var)
    await remember(client, "before")
    app.process.kill()
    app.process.wait()
    # At once: the server of before may still be ending.
    embedded = await start(var)
    assert await remembered(embedded) == "before"
    assert embedded.pid != int(app.rest)


async def test_the_server_does_not_outlive_its_application(var: Path, run_app: Callable[[Path], App]) -> None:
    app = run_app(var)
    app.process.kill()
    app.process.wait()
    await until(lambda: not any(leftovers(EmbeddedPostgres(var).files)))


async def test_data_survive_kill_9_of_application_and_server(
    var: Path, start: Start, run_app: Callable[[Path], App]
) -> None:
    app = run_app(var)
    await remember(EmbeddedPostgres(var), "before")
    app.process.kill()
    app.process.wait()
    with suppress(ProcessLookupError):
        os.kill(int(app.rest), signal.SIGKILL)
    assert await remembered(await start(var)) == "before"


async def test_a_server_left_running_is_ended_before_a_new_one_starts(var: Path, start: Start) -> None:
    first = await start(var)
    await remember(first, "before")
    await first.stop()
    orphan = launch(first.files, account_of(first.files), {})
    await until(lambda: (first.files.data / "postmaster.pid").exists())
    embedded = await start(var)
    assert orphan.wait(5) is not None
    assert await remembered(embedded) == "before"


async def test_it_starts_again_when_the_postmaster_is_killed(var: Path, start: Start) -> None:
    embedded = await start(var)
    await remember(embedded, "before")
    first = embedded.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: embedded.pid not in (first, None))
    limit = time.monotonic() + 20
    while not await embedded.running():
        assert time.monotonic() < limit
    await remember(embedded, "after")
    assert await remembered(embedded) == "before,after"


async def test_a_pid_file_that_names_a_stranger_harms_neither(var: Path, start: Start) -> None:
    embedded = await start(var)
    await embedded.stop()
    account = account_of(embedded.files)
    stranger = sleep_as(account)
    try:
        pid_file = embedded.files.data / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{embedded.files.data}\n0\n5432\n\n\n\n\n")
        os.chown(pid_file, account.uid, account.gid)
        await embedded.start()
        assert await ask(embedded, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_stop_is_quick_under_open_transactions_and_leaves_nothing(var: Path, start: Start) -> None:
    embedded = await start(var)
    connections = [await asyncpg.connect(embedded.url().replace("+asyncpg", "")) for _ in range(3)]
    await connections[0].execute("BEGIN; CREATE TABLE unfinished (id int)")
    busy = asyncio.create_task(connections[1].execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await embedded.stop()
    assert time.monotonic() - began < 8
    assert list(leftovers(embedded.files)) == []
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy
    for connection in connections:
        connection.terminate()
    assert not await embedded.running()


def freeze(embedded: EmbeddedPostgres) -> set[int]:
    """Stop the postmaster and its children; return who they are."""
    found = set(leftovers(embedded.files))
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    assert len(found) > 3
    return found


async def test_a_frozen_server_does_not_hold_up_the_end(var: Path, start: Start) -> None:
    embedded = await start(var)
    freeze(embedded)
    began = time.monotonic()
    await embedded.stop()
    assert time.monotonic() - began < 5, "it was not told to go on"
    assert list(leftovers(embedded.files)) == []


async def test_a_frozen_server_that_was_left_is_ended_whole(
    var: Path, start: Start, run_app: Callable[[Path], App]
) -> None:
    app = run_app(var)
    await remember(EmbeddedPostgres(var), "before")
    left = freeze(EmbeddedPostgres(var))
    app.process.kill()
    app.process.wait()
    embedded = await start(var)
    assert left.isdisjoint(leftovers(embedded.files))
    assert await remembered(embedded) == "before"


async def test_an_interrupted_first_start_is_made_good(var: Path, start: Start) -> None:
    half_made = var / "postgres" / "data.new" / "base"
    half_made.mkdir(parents=True)
    assert await ask(await start(var), "SELECT 1") == 1
    assert not half_made.exists()


async def test_a_second_application_is_refused_in_one_sentence(
    var: Path, start: Start, run_app: Callable[[Path], App]
) -> None:
    embedded = await start(var)
    app = run_app(var)
    assert app.word == "refused"
    assert app.rest.startswith(f"Lantai is already running on {var} (process {os.getpid()}): stop it first")
    assert app.process.wait(10) == 1
    assert await ask(embedded, "SELECT 1") == 1


async def test_a_stopped_application_ends_in_order(var: Path, run_app: Callable[[Path], App]) -> None:
    app = run_app(var)
    app.process.terminate()
    assert app.process.wait(10) == 0
    assert list(leftovers(EmbeddedPostgres(var).files)) == []


async def refusal(var: Path) -> str:
    """The one sentence with which a start is refused; nothing of the server is left then."""
    embedded = EmbeddedPostgres(var)
    with pytest.raises(EmbeddedPostgresError) as caught:
        await embedded.start()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".")
    assert list(leftovers(embedded.files)) == []
    return sentence


async def test_a_var_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    for var in (tmp_path / "file" / "var", Path("/proc/lantai/var")):
        assert f"The directory {var} cannot be written" in (sentence := await refusal(var))
        assert "set LANTAI_VAR" in sentence


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("PG_VERSION", None, "is damaged (it has no PG_VERSION): restore"),
        ("PG_VERSION", b"16\n", "was made by PostgreSQL 16 and this Lantai brings 18: dump it"),
        ("global/pg_control", b"\0" * 8192, "could not start"),
        ("global/pg_control", None, "could not start"),
        ("global/pg_filenode.map", b"rubbish", "could not start"),
    ],
)
async def test_a_damaged_cluster_is_refused_with_what_to_do(
    var: Path, start: Start, file: str, content: bytes | None, said: str
) -> None:
    embedded = await start(var)
    await embedded.stop()
    damaged = embedded.files.data / file
    if content is None:
        damaged.unlink()
    else:
        damaged.write_bytes(content)
    assert said in (sentence := await refusal(var))
    assert str(embedded.files.data) in sentence


async def test_a_lost_password_is_refused_with_what_to_do(var: Path, start: Start) -> None:
    await (await start(var)).stop()
    (var / "keys" / "postgres-administrator").write_text("another password")
    assert "does not fit the cluster" in await refusal(var)


async def test_a_refused_start_can_be_tried_again(var: Path, start: Start) -> None:
    embedded = await start(var)
    await embedded.stop()
    version = embedded.files.data / "PG_VERSION"
    version.write_bytes(b"16\n")
    await refusal(var)
    version.write_bytes(b"18\n")
    await embedded.start()
    assert await embedded.running()


async def test_two_names_of_one_var_are_one_var(var: Path, tmp_path: Path, start: Start) -> None:
    embedded = await start(var)
    alias = tmp_path / "alias"
    alias.symlink_to(var)
    with pytest.raises(EmbeddedPostgresError, match="already running"):
        await EmbeddedPostgres(alias).start()
    assert EmbeddedPostgres(alias).url() == embedded.url()
