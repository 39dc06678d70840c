"""Speed on this machine: against the matrix products that remain, and against the loop the field writes."""
