"""All that selection knows, in memory. A snapshot never changes: a refresh puts another in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from modelscout.selection.errors import UnknownFeature, UnknownOrganization
from modelscout.selection.plan import Assignment, Organization
from modelscout.selection.planner import Planner
from modelscout.selection.rows import FeatureRow, OrganizationRow


class Snapshot:
    """Organizations with the plans of their features."""

    __slots__ = ("ids", "known_at_s", "organizations", "planner")

    def __init__(
        self,
        planner: Planner,
        organizations: Mapping[str, Organization],
        ids: Mapping[str, str],
        known_at_s: float,
    ) -> None:
        """`organizations` by id, `ids` by slug; `known_at_s` counts seconds since 1970."""
        self.planner = planner
        self.organizations = organizations
        self.ids = ids
        self.known_at_s = known_at_s

    def find(self, organization: str | UUID, feature_id: str) -> tuple[Organization, Assignment]:
        """What is known of a feature, also where the organization configured nothing.

        Raises UnknownOrganization or UnknownFeature.
        """
        name = str(organization)
        # An id before a slug: a slug that looks like another organization's id must not stand for it.
        known = self.organizations.get(name) or self.organizations.get(self.ids.get(name, ""))
        if known is None:
            raise UnknownOrganization(
                f"organization={name!r} is not known: it has no usable key, or this login may not see it"
            )
        assignment = known.features.get(feature_id)
        if assignment is None:
            assignment = self.planner.assignment(known, FeatureRow(known.id, feature_id))
            if assignment is None:
                names = ", ".join(sorted(self.planner.features)) or "none"
                raise UnknownFeature(f"feature={feature_id!r} is unknown: ai_features has {names}")
            # What follows from the snapshot alone, worked out on the first question.
            known.features[feature_id] = assignment
        return known, assignment

    def at(self, known_at_s: float) -> Snapshot:
        """The same knowledge, confirmed later."""
        return Snapshot(self.planner, self.organizations, self.ids, known_at_s)


class SnapshotBuilder:
    """Takes rows in and makes a snapshot; equal texts are kept once."""

    def __init__(self, planner: Planner, base: Snapshot | None = None, without: Iterable[str] = ()) -> None:
        """Starts empty, or from `base` without the organizations of the ids `without`, which are read anew."""
        self._planner = planner
        self._organizations = dict(base.organizations) if base is not None else {}
        self._ids = dict(base.ids) if base is not None else {}
        for identity in without:
            old = self._organizations.pop(identity, None)
            if old is not None and old.slug is not None:
                self._ids.pop(old.slug, None)
        self._texts: dict[str, str] = {}

    def add_organization(self, row: OrganizationRow) -> None:
        """Take one organization in; its features follow."""
        keep = self._keep
        organization = Organization(
            row.organization_id, row.organization, keep(row.usable) or "", keep(row.model_parameters),
            keep(row.negotiated), keep(row.own_models),
        )  # fmt: skip
        self._organizations[row.organization_id] = organization
        if row.organization is not None:
            self._ids[row.organization] = row.organization_id

    def add_feature(self, row: FeatureRow) -> None:
        """Take one configured feature in. An organization without any usable model still has its features."""
        organization = self._organizations.get(row.organization_id)
        if organization is None:
            organization = Organization(row.organization_id, None, "", None, None, None)
            self._organizations[row.organization_id] = organization
        assignment = self._planner.assignment(organization, row)
        if assignment is not None:
            known = self._planner.features[row.feature_id].id
            organization.features[known] = assignment

    def add_all(self, rows: Iterable[OrganizationRow | FeatureRow]) -> None:
        """Take rows in, each organization before its features."""
        for row in rows:
            if isinstance(row, OrganizationRow):
                self.add_organization(row)
            else:
                self.add_feature(row)

    def build(self, known_at_s: float) -> Snapshot:
        """The finished snapshot."""
        return Snapshot(self._planner, self._organizations, self._ids, known_at_s)

    def _keep(self, text: str | None) -> str | None:
        return None if text is None else self._texts.setdefault(text, text)
