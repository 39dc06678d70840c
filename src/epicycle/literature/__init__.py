"""The texts that presets and studies rest on, and the accounts of grokking in them."""
