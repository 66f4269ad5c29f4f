"""Fixtures for every test, made in tests/kit; and no test of Hypothesis fails because the machine is busy."""

from hypothesis import HealthCheck, settings

from tests.kit.deployment import deployment
from tests.kit.edge import edge, edge_url
from tests.kit.kafka import kafka, kafka_broker
from tests.kit.postgres import background, fresh_database, postgres, service_database

__all__ = [
    "background",
    "deployment",
    "edge",
    "edge_url",
    "fresh_database",
    "kafka",
    "kafka_broker",
    "postgres",
    "service_database",
]

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
