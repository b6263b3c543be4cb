"""`modelscout check`: whether an organization's key can use a model at this moment."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from modelscout.discovery.check import ModelCheck


def register(tree: CommandTree) -> None:
    """Add `check`."""
    parser = tree.add(
        ("check",),
        _check,
        "ask a provider now, in one request, whether an organization's key can use a model",
    )
    parser.add_argument("organization", help="short name of the organization")
    parser.add_argument("model", help="as provider/model")


def _check(options: argparse.Namespace) -> int:
    from modelscout.discovery.check import check_model, target_of
    from modelscout.orchestration.credentials import KeyReference, resolve_outside_tasks
    from modelscout.warehouse.engine import warehouse

    provider, _, model = options.model.partition("/")
    if not provider or not model:
        raise ConfigurationError(f"model={options.model!r}: write it as provider/model")
    with warehouse(Settings.from_environment().database_url) as engine:
        target = target_of(engine, options.organization, provider)
    credentials = resolve_outside_tasks([KeyReference(target.secret_reference, provider, target.region)])
    check = asyncio.run(check_model(target, model, credentials))
    if options.json:
        print_json(as_plain(check))
    else:
        _print(check)
    return 0 if check.status in {"active", "available", "deprecated"} else 1


def _print(check: ModelCheck) -> None:
    status = check.status.value if check.status else "not known"
    remarks = [check.reason] if check.reason else []
    if check.simulated:
        remarks.append("simulated")
    tail = f" ({'; '.join(remarks)})" if remarks else ""
    print(f"{check.organization} {check.provider}/{check.model}: {status}, key {check.key}{tail}")
