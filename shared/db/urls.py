"""Database addresses: one server's URL becomes each service's own."""

import hashlib
import hmac

from sqlalchemy.engine import make_url


def with_database(url: str, database: str, *, user: str | None = None, password: str | None = None) -> str:
    """Return `url` pointing at another database (and user) of the same server."""
    changed = make_url(url).set(database=database)
    if user is not None:
        changed = changed.set(username=user, password=password)
    return changed.render_as_string(hide_password=False)


def database_of(service: str) -> str:
    """Return the name of a service's database; its owner and application roles are `<name>_owner` and `<name>_app`."""
    return f"lantai_{service}"


def role_password(secret: str, role: str) -> str:
    """Return the password of a database role, derived from the deployment's secret so that no list is kept."""
    return hmac.new(secret.encode(), f"database role {role}".encode(), hashlib.sha256).hexdigest()


def service_url(server_url: str, service: str, secret: str, kind: str = "app") -> str:
    """Return the URL by which `service` connects to its own database as its own role (`app` or `owner`)."""
    database = database_of(service)
    role = f"{database}_{kind}"
    return with_database(server_url, database, user=role, password=role_password(secret, role))
