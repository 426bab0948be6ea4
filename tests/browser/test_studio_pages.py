"""The Studio's own pages in a real Chromium: signing in, theme at once, tokens, and a job that moves while one looks."""

import re

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from studio import jobs
from studio.models import Job
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.browser
ALL = ["annotator", "reviewer", "lead", "admin"]


@pytest.fixture
def person(transactional_db):
    cache.clear()
    return UserFactory(username="ada", roles=ALL, with_password=True)


def test_signing_in_by_keyboard_alone(chromium, running_studio, person):
    context = chromium.new_context(base_url=running_studio.url)
    page = context.new_page()
    page.goto("/people/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/people/$"))
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    context.close()


def test_a_theme_shows_at_once_and_stays(page_for, person):
    page = page_for(person, "/account/", color_scheme="light")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(background) != light
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto("/jobs/")
    assert page.evaluate(background) != light


def test_a_language_holds_from_the_next_page(page_for, person):
    page = page_for(person, "/account/")
    page.get_by_label("Language").select_option("zh-hans")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")


def test_a_token_is_made_and_revoked_without_leaving_the_page(page_for, person):
    page = page_for(person, "/account/")
    page.get_by_label("Name of the new token").fill("laptop")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_label("New token", exact=True)).to_have_value(re.compile("^pgs_"))
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("laptop")).to_have_count(0)
    assert page.url.endswith("/account/")


def test_a_job_moves_while_one_looks_and_the_page_stops_asking_at_its_end(page_for, person):
    job = jobs.enqueue("studio.selfcheck", owner=person, title="Count", steps=2, pause_s=0)
    page = page_for(person, f"/jobs/{job.pk}/")
    expect(page.get_by_text("No worker serves the queue “io”")).to_be_visible()
    assert jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(done=30, total=100, unit="steps")
    expect(page.get_by_text("30 of 100 steps")).to_be_visible()
    page.get_by_role("button", name="Cancel").focus()
    Job.objects.filter(pk=job.pk).update(done=60)
    expect(page.get_by_text("60 of 100 steps")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    jobs.Run(Job.objects.get(pk=job.pk)).finish("done", done=100, result={"steps": 100})
    expect(page.locator(".badge", has_text="Done")).to_be_visible()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


def test_cancelling_and_doing_it_again_from_the_page(page_for, person):
    job = jobs.enqueue("studio.selfcheck", owner=person, title="Count")
    page = page_for(person, f"/jobs/{job.pk}/")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge", has_text="Cancelled")).to_be_visible()
    page.get_by_role("button", name="Do it again").click()
    expect(page.locator(".badge", has_text="Queued")).to_be_visible()


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_every_control_has_a_name_and_nothing_is_wider_than_the_screen(page_for, person, size):
    job = jobs.enqueue("studio.selfcheck", owner=person, title="A title that is rather long, for a small screen at least")
    page = page_for(person, "/", viewport={"width": size[0], "height": size[1]})
    paths = ["/", "/account/", "/account/password/", "/people/", "/people/new/", f"/people/{person.pk}/"]
    for path in [*paths, "/jobs/", f"/jobs/{job.pk}/", "/health/"]:
        page.goto(path)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a, summary")]
                .filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim()))
                .map((e) => e.outerHTML)"""
        )
        assert nameless == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
