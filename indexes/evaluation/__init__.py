"""How good is a pattern, and compared with what?

spans.py       recall, precision and IoU of characters; whole evidence
questions.py   questions with the places of their evidence
runs.py        what was delivered for them, and its cost
ranks.py       rank metrics, by ir-measures
bootstrap.py   how sure a mean is, or a difference
scores.py      a run and its questions → figures

vectors.py     vectors made once
fixed.py       chunks cut elsewhere: how the scorer is proved
peers/         LangChain's and LlamaIndex's own retrievers on our engine and models
lanes.py       which lanes there are: patterns and peers
judges.py      a perfect judge, for comparing compressors without judging models

comparison.py  lanes × budgets → one comparison
report.py      a table for the terminal, and one in Markdown; plots.py
drafting.py    questions proposed by an LLM, for people to review
grading.py     answers graded by an LLM
"""
