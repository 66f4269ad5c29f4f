"""One service as processes of its own: its API, or its worker, until SIGINT or SIGTERM."""

import socket

from shared.service.definition import Definition
from shared.service.heap import keep_what_is_loaded
from shared.service.provisioning import require_log
from shared.service.runtime import make_transport, open_deps
from shared.service.server import serving, until_signalled
from shared.service.settings import ServiceSettings
from shared.service.worker import Worker


async def serve_api(definition: Definition, settings: ServiceSettings, listening: socket.socket) -> None:
    """Answer HTTP on `listening`."""
    stop = until_signalled()
    async with open_deps(settings) as deps:
        app = definition.create_app(deps)
        async with (
            app.router.lifespan_context(app),
            serving(app, listening, trusted_proxies=settings.trusted_proxies),
        ):
            keep_what_is_loaded()
            await stop.wait()


async def run_worker(definition: Definition, settings: ServiceSettings, listening: socket.socket) -> None:
    """Relay, consume, fire timers, seal the audit trail and run the service's tasks; health is on `listening`.

    Raises LogNotMade.
    """
    stop = until_signalled()
    await require_log(settings)
    transport = make_transport(settings)
    async with open_deps(settings) as deps:
        worker = Worker(definition, deps, transport)
        await transport.start()
        try:
            async with worker.running(), serving(worker.app, listening):
                keep_what_is_loaded()
                await stop.wait()
        finally:
            await transport.stop()
