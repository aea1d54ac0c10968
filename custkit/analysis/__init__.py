"""One module a question: canonical tables in, answers out. No input or output, no clock, no globals."""
