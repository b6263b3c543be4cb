"""Fits the constants of modelscout/demo/traffic.py to published traces and prints them with their fit.

Sources: ServeGen client windows (alibaba/ServeGen @f891d11, Apache-2.0) for the skew between tenants and
users and for day and night; Azure LLM inference trace 2023 (Azure/AzurePublicDataset @b469a11, CC BY 4.0)
for token lengths. Run: python benchmarks/fit_traffic.py [FOLDER], by default ../shared/data.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.mixture import GaussianMixture

from modelscout.demo import traffic
from modelscout.demo.scenario import ORGANIZATIONS

HOURS = 24
COMPONENTS = 3
RANDOM_TRIPLES = 4000


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/data")
    windows_file = folder / "servegen/client_windows.csv.gz"
    if not windows_file.exists():
        print(f"{windows_file} is missing: give the folder that holds servegen/ and azure_llm_2023/")
        return 2
    windows = pd.read_csv(windows_file)
    report_tenants(windows)
    report_users(windows)
    report_day_and_night(windows)
    for kind in ("conv", "code"):
        trace = pd.read_csv(folder / f"azure_llm_2023/AzureLLMInferenceTrace_{kind}.csv")
        report_lengths(f"{kind.upper()}_INPUT", trace["ContextTokens"].to_numpy())
        report_lengths(f"{kind.upper()}_OUTPUT", trace["GeneratedTokens"].to_numpy())
    return 0


def client_totals(windows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Requests per client of each model family."""
    return {
        str(family): rows.groupby("client")["requests_in_10min"].sum().to_numpy(dtype=float)
        for family, rows in windows.groupby("model")
    }


def report_tenants(windows: pd.DataFrame) -> None:
    """How unequal three random clients of one family are, and where the demo's three stand among them."""
    rng = np.random.default_rng(1)
    ours = sorted((o.share for o in ORGANIZATIONS), reverse=True)
    print("# Tenants: shares of three random clients of one family, median; demo:", ours)
    for family, totals in client_totals(windows).items():
        triples = np.array([rng.choice(totals, 3, replace=False) for _ in range(RANDOM_TRIPLES)])
        shares = -np.sort(-triples / triples.sum(axis=1, keepdims=True), axis=1)
        below = float((shares[:, 0] <= ours[0]).mean())
        print(f"#   {family:12s} {np.median(shares, axis=0).round(3)}  largest share <= demo's: {below:.2f}")


def report_users(windows: pd.DataFrame) -> None:
    """Log-normal spread of requests per client: stands in for the users of one tenant."""
    centred = []
    for totals in client_totals(windows).values():
        logs = np.log(totals[totals > 0])
        centred.append(logs - logs.mean())
    pooled = np.concatenate(centred)
    distance = stats.kstest(pooled / pooled.std(), "norm").statistic
    print(
        f"USER_SIGMA = {pooled.std():.2f}  # KS distance {distance:.3f}, n={len(pooled)}; traffic.py has "
        f"{traffic.USER_SIGMA}"
    )


def report_day_and_night(windows: pd.DataFrame) -> None:
    """Two harmonics on the mean curve of the clients that were seen for more than ten days."""
    language = windows[windows["category"] == "language"].copy()
    language["client_id"] = language["model"] + "/" + language["client"].astype(str)
    span = language.groupby("client_id")["t_sec"].agg(lambda t: t.max() - t.min())
    language["hour"] = (language["t_sec"] // 3600) % HOURS
    table = language.pivot_table(
        index="client_id", columns="hour", values="requests_in_10min", aggfunc="sum", fill_value=0
    )
    table = table[(span.reindex(table.index) > 10 * 86_400) & (table.sum(axis="columns") > 5_000)]
    curve = table.div(table.sum(axis="columns"), axis=0).mean().to_numpy() * HOURS
    angle = 2 * np.pi * (np.arange(HOURS) + 0.5) / HOURS
    basis = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])
    harmonics, *_ = np.linalg.lstsq(basis, curve - 1, rcond=None)
    explained = 1 - ((curve - 1 - basis @ harmonics) ** 2).sum() / ((curve - 1) ** 2).sum()
    print(
        f"DAY_HARMONICS = {tuple(harmonics.round(3).tolist())}  # R2 {explained:.2f}, {len(table)} clients; "
        f"traffic.py has {traffic.DAY_HARMONICS}"
    )
    print("#   measured:", curve.round(2).tolist())
    daily = language.groupby(["model", language["t_sec"] // 86_400])["requests_in_10min"].sum()
    spread = np.log(daily).groupby("model").std()
    print(
        f"DAY_SIGMA = {spread.min():.2f} .. {spread.max():.2f}  # of log requests per day and family; "
        f"traffic.py has {traffic.DAY_SIGMA}"
    )


def report_lengths(name: str, tokens: np.ndarray) -> None:
    """A mixture of log-normals, held against the trace by the Kolmogorov-Smirnov distance and by quantiles."""
    logs = np.log(tokens[tokens > 0]).reshape(-1, 1)
    fitted = GaussianMixture(COMPONENTS, random_state=1, n_init=5, reg_covar=1e-3).fit(logs)
    order = np.argsort(fitted.means_.ravel())
    parts = [
        (
            round(float(fitted.weights_[i]), 3),
            round(float(fitted.means_.ravel()[i]), 2),
            round(float(np.sqrt(fitted.covariances_.ravel()[i])), 2),
        )
        for i in order
    ]
    single = stats.kstest((logs.ravel() - logs.mean()) / logs.std(), "norm").statistic
    ours = getattr(traffic, name)
    drawn = ours.draw(np.random.default_rng(2), 200_000)
    distance = stats.ks_2samp(drawn, tokens).statistic
    points = (0.05, 0.5, 0.95)
    print(f"{name} = LengthMixture(parts={parts}, longest={int(tokens.max())})")
    print(
        f"#   traffic.py against the trace: KS {distance:.3f} (one log-normal: {single:.3f}), n={len(tokens)}; "
        f"quantiles 5/50/95 %: {np.quantile(drawn, points).round().tolist()} drawn, "
        f"{np.quantile(tokens, points).round().tolist()} in the trace"
    )


if __name__ == "__main__":
    sys.exit(main())
