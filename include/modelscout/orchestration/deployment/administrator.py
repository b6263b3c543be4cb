"""Airflow's administrator, and who sees the page in the navigation, where FAB is the auth manager.

The only file that touches FAB's security manager; after an upgrade of that provider look here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelscout.core.errors import ConfigurationError

MENU_ROLES = ("Viewer", "User")
"""Of FAB's own roles those that may look at Airflow, but not at the list of plugins that its navigation reads."""
PERMISSIONS_OF_OURS = (("can_read", "Modelscout"), ("can_edit", "Modelscout"))
"""Made so that an administrator finds them in FAB's list: the latter shows every organization to a role."""


def make_administrator(user_name: str, password: str) -> str:
    """Make the user, or set the password and the role; returns what was done, in words.

    Raises ConfigurationError where FAB refuses, without the password.
    """
    with _security_manager() as manager:
        role = manager.find_role(manager.auth_role_admin)
        user = manager.find_user(username=user_name)
        if user is None:
            address = f"{user_name}@localhost"
            if not manager.add_user(user_name, user_name, "administrator", address, role, password):
                raise ConfigurationError(
                    f"Airflow did not take the administrator {user_name!r}: give AIRFLOW_ADMIN_USER a name that no "
                    f"other user has, nor the address {address}"
                )
            return "made"
        done = []
        if not manager.check_password(user_name, password):
            manager.reset_password(user.id, password)
            done.append("password set")
        if role not in user.roles:
            user.roles.append(role)
            manager.update_user(user)
            done.append("role given back")
        return ", ".join(done) or "is as it was"


def grant_menu() -> int:
    """Let the roles of MENU_ROLES read the list of plugins; returns how many did not before."""
    with _security_manager() as manager:
        for action, resource in PERMISSIONS_OF_OURS:
            manager.create_permission(action, resource)
        permission = manager.create_permission("can_read", "Plugins")
        granted = 0
        for name in MENU_ROLES:
            role = manager.find_role(name)
            if role is not None and permission not in role.permissions:
                manager.add_permission_to_role(role, permission)
                granted += 1
        return granted


@contextmanager
def _security_manager() -> Iterator[Any]:
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    # FAB's own commands begin so: without it the provider's defaults are not known.
    providers_configuration_loaded(lambda: None)()
    with get_application_builder() as builder:
        yield builder.sm
