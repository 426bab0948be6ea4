"""A checkpoint behind OpenAI's chat completions over HTTP; no Django.

| module | idea |
|---|---|
| `limits` | how much is taken, and what a refusal looks like |
| `wanted` | a request's JSON, checked, as a `Wanted` |
| `pictures` | data: URLs to frames |
| `words` | a conversation to tokens, and tokens to text while they come |
| `engine` | one thread that has the model: requests join and leave a running batch at every token |
| `replies` | answers in OpenAI's shapes |
| `app` | the HTTP side |
"""
