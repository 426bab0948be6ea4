"""Many annotators at once against a real gunicorn: nobody shares a place, no save is lost or counted twice."""

import collections
import threading
import uuid

import pytest
from django.db import connection
from django.db.models import Count
from django.urls import reverse

from annotator.models import OPTION_KEYS, Clip, Lease, Question, Revision
from tests.conftest import environment_of_a_process
from tests.factories import CONTENT, ClipFactory, UserFactory
from tests.real_server import Person, Server, insert_clips, sessions_of

pytestmark = pytest.mark.django_db(transaction=True)

LOG = """
CREATE TABLE lease_log (seq bigserial PRIMARY KEY, taken boolean, clip_id bigint, user_id bigint, slot int);
CREATE FUNCTION note_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO lease_log (taken, clip_id, user_id, slot) VALUES (true, NEW.clip_id, NEW.user_id, NEW.slot);
    ELSE
        INSERT INTO lease_log (taken, clip_id, user_id, slot) VALUES (false, OLD.clip_id, OLD.user_id, OLD.slot);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_lease AFTER INSERT OR DELETE ON annotator_lease FOR EACH ROW EXECUTE FUNCTION note_lease();
"""


@pytest.fixture
def lease_log(transactional_db):
    """Every lease that is taken or given back, in the order in which it happened, written by the database itself."""
    with connection.cursor() as cursor:
        cursor.execute(LOG)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER note_lease ON annotator_lease; DROP FUNCTION note_lease; DROP TABLE lease_log")


@pytest.fixture
def server(transactional_db, tmp_path):
    environment = environment_of_a_process(STUDIO_LOG_LEVEL="ERROR")
    with Server(tmp_path / "gunicorn.log", environment, workers=2, threads=8) as found:
        yield found


def people_at(server, count):
    people = UserFactory.create_batch(count)
    return people, [Person(server.port, session) for session in sessions_of(people)]


def all_at_once(work, workers):
    """Run `work(worker)` for all workers in threads that start together; the first failure is raised here."""
    barrier, failures = threading.Barrier(len(workers)), []

    def run(worker):
        try:
            barrier.wait(20)
            work(worker)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Annotator:
    """Takes a clip, saves twice, submits; and remembers what the server acknowledged."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self.submitted = {}  # clip id -> (version, content) as acknowledged

    def cycle(self, number):
        piece = self._good(self.client.post("/write/next/"))["piece"]
        if number % 5 == 4:  # now and then somebody puts a clip back and takes another
            piece = self._good(self.client.post("/write/next/", {"put_back": piece["clip"]["id"]}))["piece"]
        clip, urls, version = piece["clip"]["id"], piece["urls"], piece["version"]
        assert version == 0, "somebody else's draft, or one's own from before"
        for save in (1, 2):
            content = CONTENT | {"note": f"{self.name}, clip {clip}, save {save}"}
            saved = self._good(self.client.post(urls["save"], {"version": version, "content": content}))
            assert saved["version"] == version + 1
            if number % 3 == 0:  # the answer was lost on the way, so the browser sends again
                assert self._good(self.client.post(urls["save"], {"version": version, "content": content})) | {
                    "saved_at": ""
                } == saved | {"saved_at": ""}
            version = saved["version"]
        content = CONTENT | {key: f"{CONTENT[key]} {self.name}" for key in OPTION_KEYS}
        data = {"version": version, "content": content, "client_key": str(uuid.uuid4())}
        first = self._good(self.client.post(urls["submit"], data))
        if number % 4 == 0:
            assert self._good(self.client.post(urls["submit"], data)) == first
        assert first["revision"] == 1
        assert clip not in self.submitted
        self.submitted[clip] = (version + 1, content)

    @staticmethod
    def _good(reply):
        status, data = reply
        assert status == 200, (status, data)
        return data


def check_the_log(places):
    """No clip ever had more holders than places, and never two in one slot."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT taken, clip_id, user_id, slot FROM lease_log ORDER BY seq")
        rows = cursor.fetchall()
    held = collections.defaultdict(dict)
    for taken, clip, user, slot in rows:
        if taken:
            assert slot not in held[clip], f"clip {clip}, slot {slot} was given to {held[clip][slot]} and {user}"
            assert user not in held[clip].values()
            held[clip][slot] = user
            assert len(held[clip]) <= places
        else:
            assert held[clip].pop(slot) == user
    return len(rows)


@pytest.mark.slow
@pytest.mark.parametrize(("places", "cycles"), [(1, 20), (2, 6)])
def test_32_annotators_at_once_lose_and_double_nothing(server, lease_log, places, cycles):
    with connection.cursor() as cursor:
        insert_clips(cursor, first=1, last=32 * cycles // places + 60, slots=places)
    people, clients = people_at(server, 32)
    workers = [Annotator(client, person.username) for person, client in zip(people, clients, strict=True)]

    def work(worker):
        for number in range(cycles):
            worker.cycle(number)

    all_at_once(work, workers)

    total = 32 * cycles
    assert check_the_log(places) >= 2 * total
    assert Question.objects.count() == Revision.objects.count() == total
    stored = {(q.author_id, q.clip_id): q for q in Question.objects.all()}
    for person, worker in zip(people, workers, strict=True):
        assert len(worker.submitted) == cycles
        for clip, (version, content) in worker.submitted.items():
            question = stored[person.pk, clip]
            assert (question.state, question.version) == (Question.State.SUBMITTED, version)
            assert question.content_dict() == content
    assert not Lease.objects.exists()
    taken = dict(Question.objects.values_list("clip").annotate(Count("pk")))
    assert max(taken.values()) <= places
    for clip, open_slots in Clip.objects.values_list("pk", "open_slots"):
        assert open_slots == places - taken.get(clip, 0), f"clip {clip}"


@pytest.mark.parametrize("places", [1, 2])
def test_opening_by_address_goes_through_the_same_lease(server, lease_log, places):
    clip = ClipFactory(open_slots=places)
    _people, clients = people_at(server, 12)
    replies = []

    def work(client):
        replies.append(client.ask("GET", reverse("write_clip", args=[clip.pk])))

    all_at_once(work, clients)
    assert collections.Counter(status for status, _body in replies) == {200: places, 409: 12 - places}
    assert all(b"Somebody else is writing" in body for status, body in replies if status == 409)
    assert Lease.objects.count() == places
    check_the_log(places)


def test_one_person_opening_a_clip_in_several_tabs_gets_it_in_all(server):
    clip = ClipFactory()
    person = UserFactory()
    tabs = [Person(server.port, session) for session in sessions_of([person] * 6)]
    replies = []
    all_at_once(lambda tab: replies.append(tab.ask("GET", reverse("write_clip", args=[clip.pk]))[0]), tabs)
    assert replies == [200] * 6
    assert Lease.objects.count() == 1


def test_saving_and_submitting_without_the_lease_is_refused_while_somebody_else_holds_it(server):
    clip = ClipFactory()
    _people, clients = people_at(server, 2)
    assert clients[0].post("/write/next/")[1]["piece"]["clip"]["id"] == clip.pk
    save, submit = (reverse(f"write_{name}", args=[clip.pk]) for name in ("save", "submit"))
    for path in (save, submit):
        data = {"version": 0, "content": CONTENT, "client_key": str(uuid.uuid4())}
        status, reply = clients[1].post(path, data)
        assert status == 409
        assert "Somebody else is writing" in reply["error"]["message"]
    assert not Question.objects.exists()


def test_saves_of_one_draft_from_many_tabs_count_one_after_the_other(server):
    clip = ClipFactory()
    person = UserFactory()
    tabs = [Person(server.port, session) for session in sessions_of([person] * 8)]
    tabs[0].post("/write/next/")
    path = reverse("write_save", args=[clip.pk])
    acknowledged = []

    def work(tab):
        for number in range(10):
            text = f"{id(tab)}-{number}"
            status, reply = tab.post(path, {"version": number, "content": CONTENT | {"note": text}})
            assert status in (200, 409), reply
            if status == 200:
                acknowledged.append((reply["version"], text))

    all_at_once(work, tabs)
    versions = [version for version, _text in acknowledged]
    assert len(versions) == len(set(versions)), "two different texts were told that they are the same version"
    question = Question.objects.get()
    assert (question.version, question.note) == max(acknowledged)
