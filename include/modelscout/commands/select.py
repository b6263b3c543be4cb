"""`modelscout select`: the model for a request, and why."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelscout.commands.base import CommandTree, print_json
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.settings import Settings
from modelscout.core.types import WORKLOAD_LEVELS

if TYPE_CHECKING:
    from modelscout.selection import Choice, Selection, Workload

LEVELS = {**WORKLOAD_LEVELS, "cost_sensitivity": ("low", "medium", "high")}


def register(tree: CommandTree) -> None:
    """Add `select`."""
    parser = tree.add(("select",), _select, "the model for a request, its fallbacks, and why")
    parser.add_argument("--organization", required=True, metavar="NAME", help="slug or id")
    parser.add_argument("--feature", required=True, metavar="ID")
    for name, levels in LEVELS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", choices=levels, help="default: an ordinary request"
        )
    parser.add_argument("--requires", metavar="NAMES", help="capabilities besides the feature's, with commas")


def _select(options: argparse.Namespace) -> int:
    from modelscout.selection.once import selector_of

    selector = selector_of(Settings.from_environment().database_url, options.organization, now)
    selection = selector.select(options.organization, options.feature, _workload(options))
    if options.json:
        print_json(_as_json(selection))
        return 0
    print(selection.explain())
    for fallback in selection.fallbacks:
        print(f"  then {fallback.name} ({fallback.source})")
    return 0


def _workload(options: argparse.Namespace) -> Workload:
    from modelscout.selection import Workload

    given = {name: getattr(options, name) for name in LEVELS if getattr(options, name) is not None}
    return Workload(**given, requires=frozenset(arguments.names(options.requires, "--requires")))


def _as_json(selection: Selection) -> dict[str, Any]:
    return {
        "organization_id": selection.organization_id,
        "feature_id": selection.feature_id,
        **_choice(selection.choice),
        "fallbacks": [_choice(choice) for choice in selection.fallbacks],
        "reason": selection.explain(),
        "known_at": datetime.fromtimestamp(selection.snapshot.known_at_s, UTC),
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "provider": choice.provider,
        "model": choice.model,
        "model_id": choice.model_id,
        "parameters": choice.parameters,
        "capabilities": choice.capabilities,
        "source": choice.source.value,
        "proven": choice.proven,
    }
