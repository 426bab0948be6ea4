"""Asking language models, and paying for each answer once.

    call = ask.ask(request, endpoint=endpoint, run=run)      # an LLMCall, answered now or from the store

| module | idea |
|---|---|
| `endpoints` | which models there are, where, at what price, with whose key |
| `request` | what is asked, and its hash |
| `models` | `LLMCall` and the rows behind budget, pace and batches |
| `budget` | money: reserved before a request leaves, settled after its reply |
| `pace` | requests and tokens a minute, shared by all workers |
| `wire` | one HTTP request, and what its failure means |
| `ask` | claim, reserve, send, settle; again where that makes sense |
| `parallel` | several items of a job at once |
| `batch` | the same through the Batch API of OpenAI, at half the price and within a day |
"""
