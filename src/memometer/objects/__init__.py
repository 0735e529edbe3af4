"""Vocabularies, object sets in compressed sparse rows, and the nouns of captions."""
