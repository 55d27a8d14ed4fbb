"""Which settings are best for these documents, and is that sure?

variants.py    what can be set, as a list
choosing.py    half of the questions choose, by successive halving; the other half confirms
deciding.py    whether one setting is better than another beyond chance
adviser.py     all of that on an index
advice.py      what came of it, as data
words.py       the same for people
drafted.py     questions where there are none: drafted by an LLM, and filtered
"""
