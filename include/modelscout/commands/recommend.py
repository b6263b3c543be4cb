"""`modelscout recommend`: which model for a use case, what a budget buys, and the optimal mix."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings
from modelscout.core.types import Capability, UseCase

if TYPE_CHECKING:
    from modelscout.recommender.question_ask import Manner, Wish
    from modelscout.recommender.question_inputs import Knowledge

WISHES = ("requests", "quality", "latency_ms", "capabilities", "providers", "importance", "fallback")


def register(tree: CommandTree) -> None:
    """Add `recommend use-case`, `recommend budget` and `recommend mix`."""
    use_case = tree.add(("recommend", "use-case"), _use_case, "models for a use case under constraints")
    use_case.add_argument("use_case", metavar="USE_CASE", help=", ".join(UseCase))
    use_case.add_argument("--feature", help="whose requests; default: the busiest of this use case")
    use_case.add_argument("--max-latency-ms", metavar="MS", help="of the 95th percentile")
    use_case.add_argument("--max-cost-usd", metavar="USD", help="of one request")
    use_case.add_argument("--min-accuracy", metavar="SHARE", help="measured quality, 0 to 1")
    use_case.add_argument("--capability", action="append", metavar="NAME", help=", ".join(Capability))
    use_case.add_argument("--provider", action="append", metavar="NAME", help="allowed; default: all")
    _add_common(use_case)
    budget = tree.add(("recommend", "budget"), _budget, "the best models for a monthly budget")
    budget.add_argument("--budget-usd-per-month", required=True, metavar="USD")
    _add_features(budget)
    mix = tree.add(("recommend", "mix"), _mix, "the optimal mix of models over features")
    mix.add_argument("--budget-usd-per-month", metavar="USD")
    mix.add_argument(
        "--objective", choices=("quality", "cost"), help="default: quality with a budget, else cost"
    )
    mix.add_argument("--max-providers", metavar="N", help="fallbacks included")
    mix.add_argument("--max-provider-share", metavar="SHARE", help="of all requests, 0 to 1")
    mix.add_argument("--fallback", action="store_true", help="each feature can fall back to another provider")
    mix.add_argument(
        "--within-margin", action="store_true", help="minimum quality: the model in use less the margin"
    )
    _add_features(mix)


def _add_features(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--usage", metavar="NAMES", help="such as chat=20000,search=5000; default: own usage")
    parser.add_argument(
        "--need",
        action="append",
        metavar="FEATURE:…",
        help="such as chat:quality=0.8:latency_ms=900:providers=openai+google",
    )
    parser.add_argument("--file", metavar="FILE", help="the same as JSON: feature to its wishes")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--organization", help="its models, prices, usage and measurements; needs a warehouse"
    )
    parser.add_argument("--cautious", action="store_true", help="judge by the bad ends of the intervals")
    parser.add_argument("--prompt-tokens", action="append", metavar="[FEATURE=]N", help="text of a request")
    parser.add_argument("--output-tokens", action="append", metavar="[FEATURE=]N", help="answer of a request")


@contextmanager
def _knowledge(options: argparse.Namespace) -> Iterator[tuple[Knowledge, Manner]]:
    from modelscout.recommender.question_ask import Manner
    from modelscout.recommender.question_inputs import read_knowledge
    from modelscout.warehouse.engine import warehouse

    manner = Manner(
        cautious=options.cautious,
        within_margin=getattr(options, "within_margin", False),
        fallback=getattr(options, "fallback", False),
        prompt_tokens=arguments.counts(options.prompt_tokens, "--prompt-tokens"),
        output_tokens=arguments.counts(options.output_tokens, "--output-tokens"),
    )
    if options.organization is None and not os.environ.get("MODELSCOUT_DATABASE_URL", "").strip():
        yield read_knowledge(None, organization=None, now=now()), manner
        return
    settings = Settings.from_environment()
    with warehouse(settings.database_url) as engine:
        manner = replace(manner, horizon_days=settings.retirement_horizon_days)
        yield read_knowledge(engine, organization=options.organization, now=now()), manner


def _use_case(options: argparse.Namespace) -> int:
    from modelscout.commands.recommend_print import print_use_case
    from modelscout.recommender.question_ask import use_case_question
    from modelscout.recommender.question_words import use_case_sentences
    from modelscout.recommender.questions import Requirements
    from modelscout.recommender.use_case import rank_models

    asks = Requirements(
        minimum_quality=_share(options.min_accuracy, "--min-accuracy"),
        maximum_latency_ms=_number(options.max_latency_ms, "--max-latency-ms"),
        maximum_usd_per_request=_amount(options.max_cost_usd, "--max-cost-usd"),
        capabilities=_capabilities(options.capability or ()),
        providers=frozenset(options.provider) if options.provider else None,
    )
    use_case = _word(UseCase, options.use_case, "USE_CASE")
    with _knowledge(options) as (known, manner):
        asked = use_case_question(known, use_case, feature=options.feature, asks=asks, manner=manner)
        simulated = known.is_simulated
    answer = rank_models(asked.question)
    said = tuple(use_case_sentences(answer))
    if options.json:
        found = as_plain(answer) | {"feature": asked.feature}
        print_json(found | {"sentences": said, "notes": asked.notes, "simulated": simulated})
    else:
        print_use_case(answer, (*said, *asked.notes), simulated=simulated)
    return 0


def _budget(options: argparse.Namespace) -> int:
    from modelscout.commands.recommend_print import mix_sentences, print_budget
    from modelscout.recommender.budget import plan_budget
    from modelscout.recommender.question_ask import needs_for

    amount = arguments.amount(options.budget_usd_per_month, "--budget-usd-per-month")
    with _knowledge(options) as (known, manner):
        asked = needs_for(known, _wishes(options), manner)
        simulated = known.is_simulated
    answer = plan_budget(asked.needs, amount)
    said = mix_sentences(answer.mix)
    if options.json:
        print_json(as_plain(answer) | {"sentences": said, "notes": asked.notes, "simulated": simulated})
    else:
        print_budget(answer, (*said, *asked.notes), simulated=simulated)
    return 0 if answer.mix.is_feasible else 1


def _mix(options: argparse.Namespace) -> int:
    from modelscout.commands.recommend_print import mix_sentences, print_mix
    from modelscout.recommender.mix import best_mix
    from modelscout.recommender.mix_question import MixQuestion, Objective
    from modelscout.recommender.question_ask import needs_for

    budget = _amount(options.budget_usd_per_month, "--budget-usd-per-month")
    with _knowledge(options) as (known, manner):
        asked = needs_for(known, _wishes(options), manner)
        simulated = known.is_simulated
    question = MixQuestion(
        needs=asked.needs,
        objective=Objective(options.objective or ("cost" if budget is None else "quality")),
        budget_usd_per_month=budget,
        maximum_providers=arguments.whole(options.max_providers, "--max-providers")
        if options.max_providers
        else None,
        provider_share=_amount(options.max_provider_share, "--max-provider-share"),
    )
    answer = best_mix(question)
    said = mix_sentences(answer)
    if options.json:
        print_json(as_plain(answer) | {"sentences": said, "notes": asked.notes, "simulated": simulated})
    else:
        print_mix(answer, (*said, *asked.notes), simulated=simulated)
    return 0 if answer.is_feasible else 1


def _wishes(options: argparse.Namespace) -> dict[str, Wish]:
    """What is asked of each feature: --file, then --usage, then --need, the later before the earlier."""
    texts: dict[str, dict[str, Any]] = {name: dict(wish) for name, wish in _read(options.file).items()}
    for name, requests in arguments.weights(options.usage, "--usage").items() if options.usage else ():
        texts.setdefault(name, {})["requests"] = requests
    for need in options.need or ():
        name, *pairs = need.split(":")
        wish = texts.setdefault(name.strip(), {})
        for pair in pairs:
            key, separator, value = pair.partition("=")
            wish[key.strip()] = value if separator else True
    return {name: _wish(name, wish) for name, wish in texts.items()}


def _read(path: str | None) -> Mapping[str, Mapping[str, Any]]:
    if path is None:
        return {}
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--file={path!r} cannot be read: {error}") from error
    if not isinstance(read, dict) or not all(isinstance(wish, dict) for wish in read.values()):
        raise ConfigurationError(f'--file={path!r} is not an object of features: write {{"chat": {{…}}}}')
    return read


def _wish(name: str, given: Mapping[str, Any]) -> Wish:
    from modelscout.recommender.question_ask import Wish

    if strange := sorted(set(given) - set(WISHES)):
        raise ConfigurationError(f"need {name}: {strange[0]!r} is unknown: give {', '.join(WISHES)}")
    where = f"need {name}: "
    return Wish(
        requests_per_month=_amount(given.get("requests"), f"{where}requests"),
        minimum_quality=_share(given.get("quality"), f"{where}quality"),
        maximum_latency_ms=_number(given.get("latency_ms"), f"{where}latency_ms"),
        capabilities=_capabilities(_several(given.get("capabilities"))),
        providers=frozenset(_several(given["providers"])) if "providers" in given else None,
        importance=_amount(given.get("importance"), f"{where}importance") or Decimal(1),
        fallback=bool(given.get("fallback", False)),
    )


def _several(value: Any) -> tuple[str, ...]:
    """`a+b` or a list."""
    if value is None:
        return ()
    return tuple(str(value).split("+")) if isinstance(value, str) else tuple(map(str, value))


def _capabilities(names: tuple[str, ...] | list[str]) -> frozenset[Capability]:
    return frozenset(_word(Capability, name, "capability") for name in names)


def _word(kind: Any, text: str, option: str) -> Any:
    if text not in set(kind):
        raise ConfigurationError(f"{option}={text!r} is unknown: give {', '.join(kind)}")
    return kind(text)


def _amount(value: Any, option: str) -> Decimal | None:
    return None if value is None else arguments.amount(str(value), option)


def _number(value: Any, option: str) -> float | None:
    return None if value is None else float(arguments.amount(str(value), option))


def _share(value: Any, option: str) -> float | None:
    number = _number(value, option)
    if number is not None and number > 1:
        raise ConfigurationError(f"{option}={value!r} is out of range: give 0 to 1, such as 0.85")
    return number
