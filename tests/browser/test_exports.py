"""Exports and the API reference in a real browser."""

import os
import zipfile

import pytest
from playwright.sync_api import expect

from modelzoo import export_jobs
from studio import jobs
from studio.models import Job
from tests.factories import UserFactory
from tests.modelzoo.test_export import MP4, approved

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_lead_starts_an_export_sees_it_end_and_downloads_it(page_for, tmp_path):
    lead = UserFactory(username="lea", roles=["lead"])
    approved(video=MP4 + os.urandom(1000))
    page = page_for(lead, "/exports/")
    expect(page.get_by_text("No exports yet")).to_be_visible()
    page.get_by_label("Videos").select_option("original")
    page.get_by_role("button", name="Start the export").click()
    expect(page.get_by_text("Queued")).to_be_visible()
    jobs.run(Job.objects.get(kind=export_jobs.KIND).pk)
    # Nobody reloads: the progress part polls, and the page fetches the list when the job has ended.
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "PhysGame_1.zip"
    download.value.save_as(tmp_path / "set.zip")
    assert "PhysGame_1/PhysGame_1_annotation.json" in zipfile.ZipFile(tmp_path / "set.zip").namelist()
    page.get_by_role("button", name="Delete the file").click()
    expect(page.get_by_text("The file was deleted.", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)


def test_the_api_reference_unfolds_what_the_address_names_under_the_content_policy(page_for):
    page = page_for(UserFactory(roles=["annotator"]), "/api/v1/#queue_clips_draft_update")
    operation = page.locator("#queue_clips_draft_update")
    expect(operation.get_by_text("content.distractor_1")).to_be_visible()
    page.get_by_role("navigation", name="Operations").get_by_text("Who this token belongs to").click()
    page.locator("#me").get_by_role("link", name="Open here").click()
    expect(page.locator("body")).to_contain_text('"roles":["annotator"]')
