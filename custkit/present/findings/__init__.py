"""Sentences for people, one module a notebook: a small frame in, a Finding out."""
