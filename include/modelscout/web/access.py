"""Who may see and change what: the caller's organizations, and the warehouse within them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Path, Query, Request, status
from sqlalchemy import Engine

from modelscout.warehouse.engine import run_sql
from modelscout.web.ports import Caller
from modelscout.web.scoped import RowScope, scoped

EDITOR = "editor"
NAME_PATTERN = r"^[^\x00]+$"


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization that the caller sees."""

    id: str
    slug: str
    """Its short name, else its id: what addresses use."""
    name: str
    may_change: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class Access:
    """What one caller may see and change. Both engines are bound to it by the database in every transaction."""

    caller: Caller
    organizations: Sequence[Organization]
    """By name."""
    reading: Engine
    """Read-only."""
    changing: Engine
    """May write rows of the organizations that the caller may change."""

    @property
    def organization_ids(self) -> list[str] | None:
        """Ids for queries; None is all, for administrators."""
        return None if self.caller.is_administrator else [o.id for o in self.organizations]

    @property
    def sees_nothing(self) -> bool:
        """Whether the caller belongs to no organization at all."""
        return not self.caller.is_administrator and not self.organizations

    def organization(self, name: str) -> Organization:
        """One of them by short name or id. Raises HTTPException 404, also for one that exists elsewhere."""
        for organization in self.organizations:
            if name in (organization.slug, organization.id):
                return organization
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such organization.")

    def ids_of(self, chosen: Organization | None) -> list[str] | None:
        """Ids for queries about the chosen organization, else about all that the caller sees."""
        return [chosen.id] if chosen else self.organization_ids


def access_of(request: Request) -> Access:
    """FastAPI dependency: what the caller whom the app's one dependency authenticated may see and change."""
    caller = caller_of(request)
    engine: Engine = request.app.state.engine
    with engine.connect() as connection:
        rows = run_sql(
            connection,
            "queries/web_organizations",
            {"user_name": caller.user_name, "is_administrator": caller.is_administrator},
        )
    organizations = [
        Organization(
            id=row["id"],
            slug=row["slug"],
            name=row["name"],
            may_change=caller.is_administrator or row["role"] == EDITOR,
            simulated=row["simulated"],
        )
        for row in rows
    ]
    scope = RowScope(
        visible=None if caller.is_administrator else [o.id for o in organizations],
        editable=None if caller.is_administrator else [o.id for o in organizations if o.may_change],
    )
    return Access(
        caller=caller,
        organizations=organizations,
        reading=scoped(engine, scope),
        changing=scoped(request.app.state.changing_engine, scope, read_only=False),
    )


def caller_of(request: Request) -> Caller:
    """The caller that the app's one dependency authenticated."""
    return cast("Caller", request.state.modelscout_caller)


CurrentAccess = Annotated[Access, Depends(access_of)]
_Name = Annotated[
    str | None,
    Query(
        alias="organization",
        max_length=200,
        pattern=r"^[^\x00]*$",
        description="Short name or id of one organization; without it all that the caller sees.",
    ),
]


def chosen_organization(access: CurrentAccess, name: _Name = None) -> Organization | None:
    """FastAPI dependency: the organization of `?organization=`; None is all. Raises HTTPException 404."""
    return access.organization(name) if name else None


def one_organization(access: CurrentAccess, name: _Name = None) -> Organization:
    """FastAPI dependency: the organization of `?organization=`, else the caller's first. Raises HTTPException 404."""
    if name:
        return access.organization(name)
    if not access.organizations:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            "You belong to no organization yet: ask an administrator to add you to organization_members. "
            "An administrator sees one as soon as the table organizations has a row.",
        )
    return access.organizations[0]


def path_organization(
    access: CurrentAccess,
    organization: Annotated[
        str, Path(max_length=200, pattern=NAME_PATTERN, description="Short name or id of an organization.")
    ],
) -> Organization:
    """FastAPI dependency: the organization in the path. Raises HTTPException 404."""
    return access.organization(organization)


def changeable(organization: Organization) -> Organization:
    """`organization`, where the caller may change it. Raises HTTPException 403."""
    if not organization.may_change:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f"You may look at {organization.name} but not change it: ask an administrator for the role editor.",
        )
    return organization


def changeable_organization(
    organization: Annotated[Organization, Depends(path_organization)],
) -> Organization:
    """FastAPI dependency: the organization in the path, which the caller may change. Raises HTTPException 403, 404."""
    return changeable(organization)


ChosenOrganization = Annotated[Organization | None, Depends(chosen_organization)]
OneOrganization = Annotated[Organization, Depends(one_organization)]
PathOrganization = Annotated[Organization, Depends(path_organization)]
ChangeableOrganization = Annotated[Organization, Depends(changeable_organization)]
