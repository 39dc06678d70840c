"""The literature on grokking: the texts that presets and studies cite, and the explanations of grokking that texts give."""
