from django.apps import AppConfig


class QualityControlConfig(AppConfig):
    name = "qc"

    def ready(self):
        from annotator.panels import (
            KEY_GUARDS,
            ON_READY,
            ON_SUBMISSION,
            QUESTION_FILTERS,
            QUESTION_LINKS,
            QUESTION_PANELS,
        )
        from qc import items, leaks
        from qc.baseline.views import baseline_panel
        from qc.dashboard import card_sections  # noqa: F401 -- registers the sections of a question's card
        from qc.dashboard.filters import FILTERS, card_link
        from qc.duplicates import finding
        from qc.item_panel import item_panel
        from qc.leak_panel import leak_panel
        from qc.panels import blind_first, reviews_panel

        KEY_GUARDS.append(blind_first)
        QUESTION_PANELS.append(reviews_panel)
        QUESTION_PANELS.append(item_panel)
        QUESTION_PANELS.append(leak_panel)
        QUESTION_PANELS.append(baseline_panel)
        ON_SUBMISSION.append(leaks.on_submitted)
        QUESTION_FILTERS.extend([*FILTERS, items.FILTER])
        QUESTION_LINKS.append(card_link)
        ON_READY.append(finding.on_ready)
        leaks.rule()  # a wrong STUDIO_LEAK_RULE ends the start with its reason
