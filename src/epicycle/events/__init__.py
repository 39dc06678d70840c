"""When things happened in a run: detectors over recorded series, the standard events, stops, and moments."""

EVENTS = {
    "threshold": "epicycle.events.detectors:Threshold",
    "onset": "epicycle.events.detectors:Onset",
    "below_ignorance": "epicycle.events.detectors:BelowIgnorance",
    "peak": "epicycle.events.detectors:Peak",
    "descent": "epicycle.events.detectors:Descent",
    "recovery": "epicycle.events.detectors:Recovery",
}
