"""Triggers that put a mark beside every change that could move a kept count (qc/dashboard/counting.py takes them away).

They only add rows to a table without unique keys of its own, so writers never wait for each other here. All statements of
one transaction that count differently afterwards leave marks, also those of SQL, commands and other programs.
"""

from django.db import migrations

_FUNCTIONS = """
CREATE FUNCTION qc_mark_question() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO qc_countmark (question_id) VALUES (coalesce(NEW.id, OLD.id));
    RETURN NULL;
END $$;

CREATE FUNCTION qc_mark_clip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO qc_countmark (question_id) SELECT q.id FROM annotator_question q WHERE q.clip_id = NEW.id;
    RETURN NULL;
END $$;

CREATE FUNCTION qc_mark_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO qc_countmark (person_id, at) VALUES (NEW.author_id, NEW.submitted_at);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO qc_countmark (question_id, person_id, at) VALUES (OLD.question_id, OLD.author_id, OLD.submitted_at);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION qc_mark_blind_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO qc_countmark (person_id, at) VALUES (NEW.reviewer_id, NEW.answered_at);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO qc_countmark (person_id, at) VALUES (OLD.reviewer_id, OLD.answered_at);
    END IF;
    RETURN NULL;
END $$;

-- Two verdicts on one revision are counted as a pair on the later one's day: taking back the earlier one moves that, too.
CREATE FUNCTION qc_mark_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO qc_countmark (person_id, at) VALUES (NEW.reviewer_id, NEW.ruled_at);
        RETURN NULL;
    END IF;
    INSERT INTO qc_countmark (person_id, at)
    SELECT v.reviewer_id, v.ruled_at FROM qc_review v WHERE v.revision_id = OLD.revision_id
    UNION SELECT OLD.reviewer_id, OLD.ruled_at;
    RETURN NULL;
END $$;

CREATE FUNCTION qc_mark_leak_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO qc_countmark (question_id, person_id, at)
    SELECT r.question_id, r.author_id, m.at
    FROM annotator_revision r
    CROSS JOIN (SELECT NEW.finished_at AS at UNION SELECT OLD.finished_at) m
    WHERE r.id = coalesce(NEW.revision_id, OLD.revision_id);
    RETURN NULL;
END $$;

CREATE FUNCTION qc_mark_waiver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO qc_countmark (question_id)
    SELECT r.question_id FROM annotator_revision r WHERE r.id = coalesce(NEW.revision_id, OLD.revision_id);
    RETURN NULL;
END $$;
"""

# (table, function, when an UPDATE matters; None where rows are never updated)
_TABLES = (
    (
        "annotator_question",
        "qc_mark_question",
        "(OLD.state, OLD.category, OLD.revision_number, OLD.clip_id)"
        " IS DISTINCT FROM (NEW.state, NEW.category, NEW.revision_number, NEW.clip_id)",
    ),
    (
        "annotator_revision",
        "qc_mark_revision",
        "(OLD.submitted_at, OLD.taken_at, OLD.author_id) IS DISTINCT FROM (NEW.submitted_at, NEW.taken_at, NEW.author_id)",
    ),
    (
        "qc_blindanswer",
        "qc_mark_blind_answer",
        "(OLD.answered_at, OLD.answer, OLD.reviewer_id, OLD.watched_s, OLD.seconds)"
        " IS DISTINCT FROM (NEW.answered_at, NEW.answer, NEW.reviewer_id, NEW.watched_s, NEW.seconds)",
    ),
    (
        "qc_review",
        "qc_mark_review",
        "(OLD.ruled_at, OLD.undone_at, OLD.verdict, OLD.reviewer_id)"
        " IS DISTINCT FROM (NEW.ruled_at, NEW.undone_at, NEW.verdict, NEW.reviewer_id)",
    ),
    (
        "qc_leakcheck",
        "qc_mark_leak_check",
        "(OLD.state, OLD.current, OLD.finished_at) IS DISTINCT FROM (NEW.state, NEW.current, NEW.finished_at)",
    ),
    ("qc_leakwaiver", "qc_mark_waiver", "OLD.revision_id IS DISTINCT FROM NEW.revision_id"),
)


def _triggers():
    for table, function, moved in _TABLES:
        name = f"{function}_of"
        yield f"CREATE TRIGGER {name}_row AFTER INSERT OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"
        yield (
            f"CREATE TRIGGER {name}_change AFTER UPDATE ON {table} FOR EACH ROW WHEN ({moved})"
            f" EXECUTE FUNCTION {function}();"
        )
    yield (
        "CREATE TRIGGER qc_mark_clip_of_change AFTER UPDATE ON annotator_clip FOR EACH ROW"
        " WHEN ((OLD.state, OLD.content, OLD.purpose) IS DISTINCT FROM (NEW.state, NEW.content, NEW.purpose))"
        " EXECUTE FUNCTION qc_mark_clip();"
    )


def _drops():
    names = [function for _table, function, _moved in _TABLES] + ["qc_mark_clip"]
    return "\n".join(f"DROP FUNCTION {name}() CASCADE;" for name in names)


class Migration(migrations.Migration):
    dependencies = [("qc", "0005_kept_counts")]

    operations = [migrations.RunSQL(_FUNCTIONS + "\n".join(_triggers()), _drops())]
