"""PhysInstruct and PhysDPO: conversations about training clips, and pairs of a true answer and a misled one.

| module | idea |
|---|---|
| `models` | `InstructSample`, `PreferencePair`, and `BuildStep`: one thing a build asks |
| `reasons` | every reason for which a text is dropped, in words |
| `firewall` | which clips training data may be made of |
| `frames` | which frames a model sees, at which size, and their bytes |
| `seeds` | our own seed tasks and examples (seeds.json), and the prompts made of them |
| `replies` | what a model sent, as conversations; refused where it is not what was asked for |
| `rules` | what is wrong with a question or an answer, by its text alone |
| `own` | what needs no model: approved questions, and GlitchWorld's own pairs |
| `building`, `opposing` | the two builds: plan, start, and the work of a job; the latter misleads and judges |
| `work` | what both builds share: the plan and its costs, and going through the steps of a job |
| `figures` | rates with intervals, reasons counted, statistics of pairs |
"""
