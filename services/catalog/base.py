"""The declarative base of this service's tables."""

from shared.db.base import service_base

Base = service_base()
