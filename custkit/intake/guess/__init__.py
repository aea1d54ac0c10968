"""Unknown exports → a proposal for the client file: what each column is, how sure that is, and what only a person can know."""
