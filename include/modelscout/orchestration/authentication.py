"""Who is asking, as Airflow's auth manager says. The only file that touches Airflow's security symbols.

They are not part of Airflow's public interface, though its own providers use them; after an upgrade of Airflow
look here first. Imported in the API server only.
"""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, status

from modelscout.web.ports import Caller

ADMINISTRATOR_RESOURCES = ("Modelscout", "Roles")
"""Whoever may edit one of these sees every organization: `Modelscout` is ours to grant; whoever edits `Roles`
(FAB's Admin) could grant it to himself."""


def current_caller(user: GetUserDep) -> Caller:
    """FastAPI dependency: the logged-in user. Raises HTTPException 401 where nobody is, guests included.

    Not async, because an auth manager may ask its database.
    """
    name = user.get_name()
    # FAB's public role lets requests without a login pass as a guest.
    if not name or getattr(user, "is_anonymous", False) is True:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Not authenticated")
    return Caller(user_name=name, is_administrator=_is_administrator(get_auth_manager(), user))


def _is_administrator(manager: BaseAuthManager[BaseUser], user: BaseUser) -> bool:
    if isinstance(manager, SimpleAuthManager):
        # It allows every custom view to every viewer, so that only the role tells.
        return str(getattr(user, "role", None) or "").upper() == "ADMIN"
    return any(
        manager.is_authorized_custom_view(method="PUT", resource_name=resource, user=user) is True
        for resource in ADMINISTRATOR_RESOURCES
    )
