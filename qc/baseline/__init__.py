"""The local text-only baseline: what can be learned about the key from the text alone, without any network.

| module | idea |
|---|---|
| `items` | which questions, and the family of each one's clip |
| `words` | words of a text, as the hints of the writing page see them |
| `probes` | rules of thumb: longest, shortest, first in the alphabet, overlap |
| `verdicts` | what people call the classifiers and the verdicts |
| `chance` | a figure against one in four: interval, p-value, how many questions tell something |
| `features`, `fit` | the two classifiers, out of fold; only workers import them (numpy, scipy, scikit-learn) |
| `runs` | starting a run, making it in the worker, storing it |
"""
