"""`lantai worker SERVICE`: one service's background work as a process of its own."""

from services.cli.command import Host, Port, ServiceName, command_app, load_settings

app = command_app()


@app.command()
def worker(service: ServiceName, host: Host = "127.0.0.1", port: Port = 9000) -> None:
    """Run one service's relay, consumers, timers, audit sealer and tasks; health and metrics are on PORT."""
    from services.cli.mistyped import warn_of_mistyped
    from services.cli.process import listening, run
    from shared.service.process import run_worker

    warn_of_mistyped(service)
    definition, settings = load_settings(service)
    run(f"{service}-worker", run_worker(definition, settings, listening(host, port)))
