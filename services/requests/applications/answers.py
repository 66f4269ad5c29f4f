"""What routes of a case share: the desk, and the whole case as the answer to every action on it."""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.requests.applications.case import Case
from services.requests.applications.queries import view_of
from services.requests.applications.schemas import CaseBody, case_body
from services.requests.desk import Desk
from shared.db.uow import UnitOfWork
from shared.http.etags import set_etag


def desk_at(request: Request) -> Desk:
    """Return the desk that `create_app` built."""
    desk: Desk = request.app.state.desk
    return desk


async def desk_of(request: Request) -> Desk:
    """Return it as a dependency; one that does not wait would be run in a thread."""
    return desk_at(request)


AtDesk = Annotated[Desk, Depends(desk_of)]


async def answer(uow: UnitOfWork, case: Case, response: Response) -> CaseBody:
    """Return the changed case with its new ETag."""
    await uow.flush()
    set_etag(response, case.row.version)
    return case_body(await view_of(uow.session, case.desk, case.row), case.desk)
