"""`modelscout features …`: what is configured for a feature, changes and their undoing."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from modelscout.features.settings import Changed, FeatureChange, FeatureSettings, WorkloadModel

NOBODY = "none"
"""Written for a value that is to be cleared."""


def register(tree: CommandTree) -> None:
    """Add `features show`, `features set` and `features undo`."""
    show = tree.add(("features", "show"), _show, "what is configured for the features of an organization")
    show.add_argument("--organization", required=True, metavar="SLUG")
    show.add_argument("--feature", metavar="ID", help="one feature; default: all")
    change = tree.add(("features", "set"), _set, "change a feature's configuration; the rest stays as it is")
    _name(change)
    change.add_argument("--model", metavar="NAME", help=f"provider/model, or {NOBODY}")
    change.add_argument("--fallbacks", metavar="NAMES", help=f"separated by commas, or {NOBODY}")
    change.add_argument("--parameters", metavar="JSON", help="replaces all parameters")
    change.add_argument("--margin", metavar="SHARE", help=f"such as 0.03, or {NOBODY} for the default")
    change.add_argument("--monthly-budget", metavar="USD", help=f"or {NOBODY}")
    change.add_argument("--limits", metavar="JSON", help="replaces all limits")
    change.add_argument("--auto-apply", choices=("yes", "no"))
    change.add_argument(
        "--workload-models",
        metavar="RULES",
        help=f"such as 'complexity=low:openai/a;accuracy=high|critical,urgency=batch:openai/b', or {NOBODY}",
    )
    _name(tree.add(("features", "undo"), _undo, "take back the latest change that still stands"))


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--organization", required=True, metavar="SLUG")
    parser.add_argument("--feature", required=True, metavar="ID")
    parser.add_argument("--actor", metavar="NAME", help="for the audit log; default: who is logged in here")


def _show(options: argparse.Namespace) -> int:
    from modelscout.features.service import FeatureService
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        service = FeatureService(engine)
        if options.feature is None:
            found = service.read_all(options.organization)
        else:
            found = [service.read(options.organization, options.feature)]
    if options.json:
        print_json(as_plain(found))
    else:
        for settings in found:
            _print(settings)
    return 0


def _set(options: argparse.Namespace) -> int:
    from modelscout.features.service import FeatureService
    from modelscout.warehouse.engine import warehouse

    change = _change(options)
    with warehouse(Settings.from_environment().database_url) as engine:
        done = FeatureService(engine).update(
            options.organization, options.feature, change, actor=_actor(options), now=now()
        )
    return _report(done, options)


def _undo(options: argparse.Namespace) -> int:
    from modelscout.features.service import FeatureService
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        done = FeatureService(engine).undo(
            options.organization, options.feature, actor=_actor(options), now=now()
        )
    return _report(done, options)


def _actor(options: argparse.Namespace) -> str:
    return options.actor or getpass.getuser()


def _change(options: argparse.Namespace) -> FeatureChange:
    from modelscout.features.settings import FeatureChange

    given: dict[str, Any] = {}
    if options.model is not None:
        given["model"] = None if options.model == NOBODY else options.model
    if options.fallbacks is not None:
        given["fallbacks"] = (
            () if options.fallbacks == NOBODY else arguments.names(options.fallbacks, "--fallbacks")
        )
    for name in ("parameters", "limits"):
        if getattr(options, name) is not None:
            given[name] = _object(getattr(options, name), f"--{name}")
    if options.margin is not None:
        given["margin"] = None if options.margin == NOBODY else arguments.amount(options.margin, "--margin")
    if options.monthly_budget is not None:
        text = options.monthly_budget
        given["monthly_budget_usd"] = None if text == NOBODY else arguments.amount(text, "--monthly-budget")
    if options.auto_apply is not None:
        given["auto_apply"] = options.auto_apply == "yes"
    if options.workload_models is not None:
        given["workload_models"] = _rules(options.workload_models)
    if not given:
        raise ConfigurationError("nothing to set: give at least one of the options, see --help")
    return FeatureChange(**given)


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f'{option}={text!r} is no object: write it as {{"temperature": 0.2}}')
    return value


def _rules(text: str) -> Sequence[WorkloadModel]:
    from modelscout.features.settings import WorkloadModel

    if text == NOBODY:
        return ()
    found = []
    for rule in text.split(";"):
        conditions, separator, model = rule.strip().partition(":")
        if not separator:
            raise ConfigurationError(
                f"--workload-models: {rule!r} names no model: write complexity=low:provider/model"
            )
        when = {}
        for condition in conditions.split(","):
            word, _, levels = condition.partition("=")
            when[word.strip()] = tuple(level.strip() for level in levels.split("|"))
        found.append(WorkloadModel(when, model.strip()))
    return found


def _report(done: Changed, options: argparse.Namespace) -> int:
    if options.json:
        print_json(
            {"changed": done.changed, "before": done.before, "after": done.after, **as_plain(done.settings)}
        )
        return 0
    if not done.changed:
        print("nothing to change")
    _print(done.settings)
    return 0


def _print(settings: FeatureSettings) -> None:
    lines = [settings.feature_id]
    lines.append(f"  model            {settings.model or f'chosen by {settings.default_by}'}")
    if settings.fallbacks:
        lines.append(f"  fallbacks        {', '.join(settings.fallbacks)}")
    for rule in settings.workload_models:
        kinds = ", ".join(f"{word} {'|'.join(levels)}" for word, levels in sorted(rule.when.items()))
        lines.append(f"  for {kinds}: {rule.model}")
    if settings.parameters:
        lines.append(f"  parameters       {json.dumps(settings.parameters)}")
    if settings.limits:
        lines.append(f"  limits           {json.dumps(settings.limits)}")
    lines.append(f"  margin           {settings.margin}")
    if settings.monthly_budget_usd is not None:
        lines.append(f"  monthly budget   ${settings.monthly_budget_usd}")
    if settings.auto_apply:
        lines.append("  proven switches are applied without a person")
    if settings.updated_at is not None:
        lines.append(f"  changed          {settings.updated_at:%Y-%m-%d %H:%M} UTC by {settings.updated_by}")
    print("\n".join(lines))
