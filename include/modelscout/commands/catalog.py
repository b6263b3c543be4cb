"""`modelscout catalog`: what the catalog says about models."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from modelscout.commands.base import CommandTree, print_json
from modelscout.core.errors import ConfigurationError


def register(tree: CommandTree) -> None:
    """Add `catalog list` and `catalog show`."""
    listing = tree.add(("catalog", "list"), _list, "models of the catalog")
    listing.add_argument("--provider")
    show = tree.add(("catalog", "show"), _show, "everything about one model")
    show.add_argument("model", help="provider/model or model")


def _list(options: argparse.Namespace) -> int:
    from modelscout.catalog.loader import load_catalog

    models = [m for m in load_catalog().models if options.provider in (None, m.provider)]
    if options.json:
        print_json([_row(m) for m in models])
    else:
        for m in models:
            retires = f"  retires {m.lifecycle.retires_on}" if m.lifecycle.retires_on else ""
            print(f"{m.provider}/{m.model_id:32} {m.name}{retires}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from modelscout.catalog.loader import load_catalog

    provider, _, model_id = options.model.rpartition("/")
    catalog = load_catalog()
    providers = [provider] if provider else sorted({m.provider.value for m in catalog.models})
    found = [m for p in providers if (m := catalog.resolve(p, model_id)) is not None]
    if not found:
        raise ConfigurationError(
            f"the catalog knows no model {options.model!r}: see `modelscout catalog list`"
        )
    print_json(_row(found[0]))
    return 0


def _row(model: Any) -> dict[str, Any]:
    row = asdict(model)
    row["capabilities"] = sorted(row["capabilities"])
    row["use_case_scores"] = {k: v._asdict() for k, v in model.use_case_scores.items()}
    return row
