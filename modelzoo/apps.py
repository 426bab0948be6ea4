from django.apps import AppConfig


class ModelZooConfig(AppConfig):
    name = "modelzoo"

    def ready(self):
        from annotator import takedown
        from annotator.panels import QUESTION_PANELS
        from modelzoo import (
            cards,  # noqa: F401 -- registers a section of a question's card
            demo_chain,  # noqa: F401 -- and the job of the demo
            export_jobs,  # noqa: F401 -- registers the kind "modelzoo.export" in workers and in the web
        )
        from modelzoo.asking import jobs as asking_jobs  # noqa: F401 -- registers "modelzoo.ask" and "modelzoo.ask_served"
        from modelzoo.asking import services as asking
        from modelzoo.evaluation import jobs as evaluation_jobs  # noqa: F401 -- registers "modelzoo.evaluate" and its like
        from modelzoo.instruct import building, opposing  # noqa: F401 -- and those of training data
        from modelzoo.releases import export_jobs as release_exports  # noqa: F401 -- "modelzoo.release_export"
        from modelzoo.releases import jobs, takedown_data  # noqa: F401 -- and "modelzoo.seal"
        from modelzoo.releases.panel import releases_panel
        from modelzoo.runs import planning, used  # noqa: F401 -- and "modelzoo.estimate"

        QUESTION_PANELS.append(releases_panel)
        takedown.USERS += [used.by_releases, used.by_runs, takedown_data.remove, asking.remove_of]
