"""The declarative base of this service's tables."""

from sqlalchemy.orm import DeclarativeBase

from shared.db.base import TYPES
from shared.db.base import metadata as house_metadata


class Base(DeclarativeBase):
    metadata = house_metadata()
    type_annotation_map = TYPES
