"""The decoder-only transformer: its fields, the plain form, and the fast form."""
