"""Judgement: quantities of runs, statistics with intervals over seeds, and verdicts on claims.

Only NumPy and SciPy are used, and nothing is trained.
"""

STATISTICS = {
    "event_time": "epicycle.claims.quantities:EventTime",
    "event_ratio": "epicycle.claims.quantities:EventRatio",
    "span": "epicycle.claims.quantities:Span",
    "extreme": "epicycle.claims.series_quantities:Extreme",
    "value_at": "epicycle.claims.series_quantities:ValueAt",
    "change": "epicycle.claims.series_quantities:SeriesChange",
    "trend": "epicycle.claims.series_quantities:Trend",
    "correlation": "epicycle.claims.series_quantities:Correlation",
    "persistence": "epicycle.claims.persistence:Persistence",
    "change_points": "epicycle.claims.change_points:ChangePoints",
    "path_length": "epicycle.claims.path_quantities:PathLength",
    "straightness": "epicycle.claims.path_quantities:Straightness",
    "diffusion_exponent": "epicycle.claims.path_quantities:DiffusionExponent",
    "move_cosine": "epicycle.claims.path_quantities:MoveCosine",
    "share": "epicycle.claims.shares:Share",
    "region_share": "epicycle.claims.shares:RegionShare",
    "equal_pairs": "epicycle.claims.pairs:EqualPairs",
    "difference": "epicycle.claims.differences:Difference",
    "log_remaining_time": "epicycle.claims.remaining_time:LogRemainingTime",
    "median_remaining_time": "epicycle.claims.median_remaining_time:MedianRemainingTime",
    "factor_share": "epicycle.claims.factor_shares:FactorShare",
    "dose_exponent": "epicycle.claims.remaining_time:DoseExponent",
    "transition": "epicycle.claims.transitions:Transition",
    "slope": "epicycle.claims.slopes:Slope",
    "bend": "epicycle.claims.slopes:Bend",
    "law_evidence": "epicycle.claims.laws:LawEvidence",
    "law_share": "epicycle.claims.laws:LawShare",
    "pooled_laws": "epicycle.claims.laws:PooledLaws",
    "two_phases": "epicycle.claims.two_phases:TwoPhases",
    "series_power": "epicycle.claims.power_laws:SeriesPower",
    "quantity_power": "epicycle.claims.power_laws:QuantityPower",
    "variance_share": "epicycle.claims.variance:VarianceShare",
}
