"""Judgement: statistics with intervals over seeds, and verdicts. NumPy and SciPy only; nothing here trains."""

STATISTICS = {
    "event_time": "epicycle.claims.quantities:EventTime",
    "event_ratio": "epicycle.claims.quantities:EventRatio",
    "span": "epicycle.claims.quantities:Span",
    "extreme": "epicycle.claims.quantities:Extreme",
    "value_at": "epicycle.claims.quantities:ValueAt",
    "change": "epicycle.claims.quantities:SeriesChange",
    "trend": "epicycle.claims.quantities:Trend",
    "correlation": "epicycle.claims.quantities:Correlation",
    "change_points": "epicycle.claims.change_points:ChangePoints",
    "share": "epicycle.claims.statistics:Share",
    "difference": "epicycle.claims.statistics:Difference",
    "log_remaining_time": "epicycle.claims.statistics:LogRemainingTime",
    "factor_share": "epicycle.claims.factors:FactorShare",
    "dose_exponent": "epicycle.claims.factors:DoseExponent",
    "transition": "epicycle.claims.transitions:Transition",
    "slope": "epicycle.claims.statistics:Slope",
    "variance_share": "epicycle.claims.statistics:VarianceShare",
}
