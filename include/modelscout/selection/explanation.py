"""Why a model was selected, in one sentence: made only when somebody asks."""

from __future__ import annotations

from modelscout.selection.choosing import Selection
from modelscout.selection.plan import Source
from modelscout.selection.state import Standing

_BECAUSE = {
    Source.ACCEPTED: "a recommendation that was accepted puts it in use",
    Source.ASSIGNED: "it is the model in use",
    Source.FALLBACK: "it is the next fallback that was configured",
    Source.ADVISED: "the recommendation in force names it",
    Source.PROVEN: "it is proven on the organization's own items",
}


def explain(selection: Selection) -> str:
    """Such as: openai/a answers chat of acme because it is the next fallback …, as openai/b is retired."""
    organization = selection.organization.slug or selection.organization_id
    choice = selection.choice
    sentence = f"{choice.name} answers {selection.feature_id} of {organization} because {_because(selection)}"
    why = [(c.name, reason) for c, reason in selection.passed_over if c is not choice]
    # What somebody chose and cannot serve.
    why += [(name, reason) for name, reason in selection.assignment.plan.left_out if name != choice.name]
    if why:
        sentence += ", as " + " and ".join(_clause(name, reason) for name, reason in why)
    if selection.standing is not Standing.READY:
        sentence += "; nothing better can be called now"
    return sentence + "."


def _because(selection: Selection) -> str:
    source = selection.choice.source
    if source is Source.DEFAULT:
        return f"nobody chose a model and by {selection.assignment.plan.ordered_by} it is the best that is verified"
    if source is Source.WORKLOAD:
        work = selection.workload
        kind = f"complexity {work.complexity}, volume {work.volume}, urgency {work.urgency}, accuracy {work.accuracy}"
        return f"it is set for this kind of work ({kind})"
    return _BECAUSE[source]


def _clause(name: str, reason: str) -> str:
    """A reason that begins with `it` or `its` is about the model."""
    if reason.startswith("it "):
        return f"{name} {reason.removeprefix('it ')}"
    if reason.startswith("its "):
        return f"{name}'s {reason.removeprefix('its ')}"
    return f"{name} steps back: {reason}"
