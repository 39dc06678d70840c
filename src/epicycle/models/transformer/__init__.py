"""The decoder-only transformer: its fields, the plain form, the fast form, and the class that offers both."""
