"""The assets that link the nightly DAGs, and the pools that their tasks wait in."""

from __future__ import annotations

from importlib.metadata import entry_points

from airflow.sdk import Asset

AI_MODELS = Asset("ai_models")
AI_MODEL_CAPABILITIES = Asset("ai_model_capabilities")
AI_MODEL_BENCHMARKS = Asset("ai_model_benchmarks")
AI_MODEL_ANALYTICS = Asset("ai_model_analytics")
RECOMMENDER = Asset("recommender")
AI_MODEL_RECOMMENDATIONS = Asset("ai_model_recommendations")

_BUILT_IN = ("openai", "anthropic", "google", "clarifai", "openai_compatible")
_ADDED = {entry.name for entry in entry_points(group="modelscout.providers")} - set(_BUILT_IN)
PROVIDERS = (*_BUILT_IN, *sorted(_ADDED))
"""Every provider with an adapter, those of installed extensions among them; as `providers.registry` has them, which is
too heavy for a DAG file to load."""
SEVERAL_PROVIDERS_POOL = "llm_several"
"""For tasks that compare models of several providers side by side: a task waits in one pool only."""
POOLS = {**{f"llm_{provider}": 8 for provider in PROVIDERS}, SEVERAL_PROVIDERS_POOL: 8}
"""Name to slots. Slots bound tasks; calls within a task are bounded by MODELSCOUT_REQUEST_CONCURRENCY."""
