"""From a vendor-neutral question to an answer: who may ask, what is said, what it uses, how long it takes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.types import Capability
from modelscout.emulator.answers import CAPABILITY_PREFIX, AnswerItem, AnswerKey, Grader
from modelscout.emulator.instance import minimal_instance
from modelscout.emulator.judging import read_grading, verdict
from modelscout.emulator.profile import ModelProfile, Profile
from modelscout.emulator.state import CHARACTERS_PER_TOKEN, Faults, Journal, KeyState, PromptCache

NEUTRAL_ANSWER = "Understood."
_EFFORT = {"none": 0.0, "minimal": 0.1, "low": 0.5, "medium": 1.0, "high": 2.0, "xhigh": 3.0, "max": 4.0}


@dataclass(slots=True)
class Ask:
    """One question, whoever's API it came through."""

    provider: str
    model: str
    prompt: str = ""
    """The last user message's text parts, joined with a newline: what items are recognised by."""
    context: str = ""
    """Everything before the prompt: system text and earlier turns."""
    images: tuple[bytes, ...] = ()
    json_schema: Mapping[str, Any] | None = None
    tools: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Name and JSON schema of each tool."""
    stream: bool = False
    max_tokens: int | None = None
    effort: str | None = None
    cacheable: bool = True


@dataclass(slots=True)
class Reply:
    """One answer with what it used. Tokens of the input include cached and image ones."""

    served_model: str
    text: str = ""
    tool_call: tuple[str, Mapping[str, Any]] | None = None
    finish: str = "stop"
    """`stop`, `length` or `tool`."""
    input_tokens: int = 0
    cached_tokens: int = 0
    image_tokens: int = 0
    text_tokens: int = 0
    reasoning_tokens: int = 0
    confidence: float = 0.9
    first_token_s: float = 0.0
    generation_s: float = 0.0

    @property
    def output_tokens(self) -> int:
        """Tokens of the text and of the reasoning."""
        return self.text_tokens + self.reasoning_tokens


class Refusal(Exception):  # noqa: N818 - the vendor refuses; nothing is wrong here
    """The vendor answers with an error. Each vendor's module gives it that vendor's form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        key_state: KeyState | None = None,
    ) -> None:
        """`status` is HTTP; `code` overrides the vendor's usual code for it."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s
        self.key_state = key_state


@dataclass(slots=True)
class Emulator:
    """The running state behind all endpoints."""

    profile: Profile
    answers: AnswerKey
    keys: dict[str, KeyState] = field(init=False)
    grader: Grader = field(init=False)
    cache: PromptCache = field(default_factory=PromptCache)
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Precompute what every call needs."""
        self.keys = {key: KeyState(entry) for key, entry in self.profile.keys.items()}
        self.grader = Grader(self.profile.seed, self.profile.item_correlation)
        self._random = random.Random(self.profile.seed)

    def apply(self, profile: Profile) -> None:
        """Replace the profile while running; keys that stay the same keep their rate limits."""
        old = self.keys
        self.profile = profile
        self.grader = Grader(profile.seed, profile.item_correlation)
        self.keys = {
            key: old[key] if key in old and old[key].profile == entry else KeyState(entry)
            for key, entry in profile.keys.items()
        }

    def authenticate(self, provider: str, key: str) -> KeyState:
        """The key's state. Raises Refusal 401."""
        state = self.keys.get(key)
        if state is None or state.profile.provider != provider:
            raise Refusal(401, "invalid key")
        return state

    def model(self, state: KeyState, model: str) -> ModelProfile:
        """The model's settings. Raises Refusal 404 where the key may not use it or it is retired."""
        key = state.profile
        found = self.profile.models.get(f"{key.provider}/{model}")
        allowed = key.models is None or model in key.models
        if found is None or not allowed or found.lifecycle_at(self.profile.current_time()) == "retired":
            raise Refusal(404, model, key_state=state)
        return found

    def visible_models(
        self, state: KeyState, lifecycles: frozenset[str]
    ) -> list[tuple[str, ModelProfile, str]]:
        """Id, settings and lifecycle of the models that a key's list shows."""
        now = self.profile.current_time()
        prefix = f"{state.profile.provider}/"
        found = []
        for name, model in self.profile.models.items():
            model_id = name.removeprefix(prefix)
            if model_id == name or (
                state.profile.models is not None and model_id not in state.profile.models
            ):
                continue
            lifecycle = model.lifecycle_at(now)
            if lifecycle in lifecycles:
                found.append((model_id, model, lifecycle))
        return found

    def answer(self, key: str, state: KeyState, ask: Ask, *, batch: bool = False) -> Reply:
        """Answer a question. Raises Refusal where the vendor would refuse it.

        An item of a batch takes nothing of the key's limits and no time of its own.
        """
        asked = self.model(state, ask.model)
        check_abilities(asked, ask, state)
        served_id, model = self._served(ask, asked)
        image_tokens = model.image_tokens * len(ask.images)
        input_tokens = _tokens(len(ask.prompt) + len(ask.context)) + image_tokens
        check_sizes(asked, ask, input_tokens, state)
        wait = 0.0 if batch else state.admit(input_tokens)
        if wait > 0:
            raise Refusal(429, "rate limit", retry_after_s=wait, key_state=state)
        reply = Reply(served_model=served_id, input_tokens=input_tokens, image_tokens=image_tokens)
        if ask.cacheable and len(ask.prompt) + len(ask.context) >= 1024 * CHARACTERS_PER_TOKEN:
            reply.cached_tokens = self.cache.cached_tokens(key, f"{ask.context}\n{ask.prompt}")
        self._write(ask, reply, served_id, model)
        if not batch:
            state.use(reply.output_tokens)
            self._time(reply, model)
        return reply

    def _served(self, ask: Ask, asked: ModelProfile) -> tuple[str, ModelProfile]:
        if not asked.served_as:
            return ask.model, asked
        return asked.served_as, self.profile.models.get(f"{ask.provider}/{asked.served_as}", asked)

    def _write(self, ask: Ask, reply: Reply, served_id: str, model: ModelProfile) -> None:
        fingerprint = content_fingerprint(ask.prompt, ask.images)
        self.journal.count_item(ask.provider, ask.model, fingerprint)
        name = f"{ask.provider}/{served_id}"
        item = self.answers.by_content(fingerprint)
        text = self.grader.answer(item, name, model) if item else None
        if (grading := read_grading(ask.prompt, ask.json_schema)) is not None:
            text = verdict(grading, self.answers, model, name, self.profile.seed)
        arguments = _tool_arguments(ask, item, text)
        if arguments is not None:
            reply.tool_call = (ask.tools[0][0], arguments)
            reply.finish = "tool"
            reply.text_tokens = _tokens(len(json.dumps(arguments)) + 20)
        else:
            reply.text = text if text is not None else _unknown_answer(ask)
            reply.text_tokens = math.ceil(_tokens(len(reply.text)) * model.verbosity)
        reply.reasoning_tokens = round(model.reasoning_tokens * _EFFORT.get(ask.effort or "medium", 1.0))
        _cut(reply, ask.max_tokens)

    def concepts(self, ask: Ask, model: ModelProfile) -> tuple[list[str], float]:
        """What a concept model sees in one image, and the value of the first concept."""
        fingerprint = content_fingerprint("", ask.images)
        self.journal.count_item(ask.provider, ask.model, fingerprint)
        item = self.answers.by_images(fingerprint) or self.answers.by_content(fingerprint)
        if item is None:
            return ["no person", "indoors"], 0.6
        name = f"{ask.provider}/{ask.model}"
        text = self.grader.answer(item, name, model)
        return _concept_names(text), 0.99 - 0.4 * self.grader.difficulty(item.fingerprint, name)

    def list_s(self) -> float:
        """Seconds that a list of models takes this time."""
        profile = self.profile
        spread = math.exp(self._random.gauss(0.0, profile.list_sigma)) if profile.list_sigma else 1.0
        return profile.latency_scale * profile.list_ms / 1000 * spread

    def _time(self, reply: Reply, model: ModelProfile) -> None:
        scale = self.profile.latency_scale / 1000
        if scale <= 0:
            return
        spread = math.exp(self._random.gauss(0.0, model.latency_sigma)) if model.latency_sigma else 1.0
        reply.first_token_s = (
            scale * (model.time_to_first_token_ms + reply.reasoning_tokens * model.output_token_ms) * spread
        )
        reply.generation_s = scale * reply.text_tokens * model.output_token_ms
        self.journal.seconds += reply.first_token_s + reply.generation_s


def check_abilities(model: ModelProfile, ask: Ask, state: KeyState) -> None:
    """Raises Refusal 400 where a request uses what the model cannot do."""
    wishes = (
        (bool(ask.images), Capability.IMAGE_ANALYSIS, "image"),
        (ask.json_schema is not None, Capability.STRUCTURED_OUTPUT, "schema"),
        (bool(ask.tools), Capability.TOOL_USE, "tools"),
        (ask.stream, Capability.STREAMING, "stream"),
    )
    for wanted, capability, param in wishes:
        if wanted and not model.can(capability):
            raise Refusal(400, f"{ask.model} does not support {param}", param=param, key_state=state)


def check_sizes(model: ModelProfile, ask: Ask, input_tokens: int, state: KeyState) -> None:
    """Raises Refusal 400 where a request is longer than the model takes."""
    window = model.context_window_tokens
    if window is not None and input_tokens > window:
        raise Refusal(
            400,
            f"prompt is too long: {input_tokens} tokens > {window} maximum",
            param="input",
            code="context_length_exceeded",
            key_state=state,
        )
    if model.max_output_tokens is not None and (ask.max_tokens or 0) > model.max_output_tokens:
        raise Refusal(
            400,
            f"max_tokens: {ask.max_tokens} > {model.max_output_tokens}, the maximum of {ask.model}",
            param="max_tokens",
            key_state=state,
        )


def _tool_arguments(ask: Ask, item: AnswerItem | None, text: str | None) -> Mapping[str, Any] | None:
    if not ask.tools:
        return None
    if item is None or text is None:
        return minimal_object(ask.tools[0][1])
    given = _json_object(text)
    if given is not None and ask.json_schema is None:
        return given
    return minimal_object(ask.tools[0][1]) if item.feature.startswith(CAPABILITY_PREFIX) else None


def minimal_object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Smallest valid arguments of a tool."""
    value = minimal_instance(schema)
    return value if isinstance(value, dict) else {}


def _json_object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _concept_names(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    return [str(name) for name in names] if isinstance(names, list) else [text]


def _unknown_answer(ask: Ask) -> str:
    if ask.json_schema is None:
        return NEUTRAL_ANSWER
    return json.dumps(minimal_instance(ask.json_schema))


def _cut(reply: Reply, max_tokens: int | None) -> None:
    if max_tokens is None:
        return
    if reply.text_tokens > max_tokens:
        keep = int(len(reply.text) * max_tokens / reply.text_tokens)
        reply.text, reply.finish, reply.text_tokens = reply.text[:keep], "length", max_tokens
        reply.tool_call = None
    # A model that thinks stops thinking in time to answer within the limit.
    reply.reasoning_tokens = min(reply.reasoning_tokens, max_tokens - reply.text_tokens)


def _tokens(characters: int) -> int:
    return max(1, -(-characters // CHARACTERS_PER_TOKEN))
