"""Families out of pairs, by union-find; and what people say about a pair.

A family is what the joining pairs hold together. Pairs that people called the same (or the same scene) join first, then
those found by measure alone, the strongest first; a pair found by measure never brings two clips into one family of which
somebody said that they are different, however many clips lie in between. It then waits for a person, on its own.
"""

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import Clip, ClipFamily, WrongState
from qc.duplicates.models import DuplicatePair

_LOCK = 0x66616D69  # "fami": families change one after the other, wherever
State = DuplicatePair.State
JOINING = (State.SAME, State.SCENE)


def _wait_for_our_turn():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


class _Sets:
    """Union-find over clip ids that never unites two forbidden ones."""

    def __init__(self, ids, apart):
        self.parent = {pk: pk for pk in ids}
        self.members = {pk: {pk} for pk in ids}
        self.apart = {}
        for a, b in apart:
            self.apart.setdefault(a, set()).add(b)
            self.apart.setdefault(b, set()).add(a)

    def root(self, pk):
        while self.parent[pk] != pk:
            self.parent[pk] = self.parent[self.parent[pk]]
            pk = self.parent[pk]
        return pk

    def unite(self, a, b):
        """Whether both are in one set now."""
        a, b = self.root(a), self.root(b)
        if a == b:
            return True
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        if any(self.apart.get(pk, set()) & self.members[a] for pk in self.members[b]):
            return False
        self.parent[b] = a
        self.members[a] |= self.members.pop(b)
        return True


@transaction.atomic
def regroup(clip_ids):
    """Work out anew the families that these clips are in or come into."""
    _wait_for_our_turn()
    _regroup(clip_ids)


def _regroup(clip_ids):
    ids = set(clip_ids)
    families = set(Clip.objects.filter(pk__in=ids, family__isnull=False).values_list("family_id", flat=True))
    while True:  # all clips that any pair ties to these, and those of their present families
        ids |= set(Clip.objects.filter(family__in=families).values_list("pk", flat=True))
        pairs = list(DuplicatePair.objects.filter(Q(first__in=ids) | Q(second__in=ids)))
        tied = {pk for pair in pairs if _ties(pair) for pk in (pair.first_id, pair.second_id)}
        new = set(Clip.objects.filter(pk__in=tied, family__isnull=False).values_list("family_id", flat=True)) - families
        if not new and tied <= ids:
            break
        ids, families = ids | tied, families | new
    apart = [(pair.first_id, pair.second_id) for pair in pairs if pair.state == State.DIFFERENT]
    sets = _Sets(ids, [(a, b) for a, b in apart if a in ids and b in ids])
    joining = [pair for pair in pairs if _ties(pair)]
    joining.sort(key=lambda pair: (pair.decided_by_id is None, -pair.cover_most, pair.pk))
    for pair in joining:
        together = sets.unite(pair.first_id, pair.second_id)
        _mark(pair, together)
    for pair in pairs:
        if not _ties(pair) and pair.together:
            _mark(pair, False)
    _store(sets)


def _ties(pair):
    """Whether a pair would hold its clips together, if nothing speaks against it."""
    if pair.state == State.OPEN:
        return pair.cover_most >= settings.DUPLICATE_FAMILY and pair.picture is not None
    return pair.state in JOINING


def _mark(pair, together):
    """Note whether a pair holds; what the Studio had judged alone and may not hold is open again."""
    changes = {"together": together}
    if not together and pair.state in JOINING and pair.decided_by_id is None:
        changes |= {"state": State.OPEN, "decided_at": None}
    if any(getattr(pair, name) != value for name, value in changes.items()):
        DuplicatePair.objects.filter(pk=pair.pk).update(**changes)
        for name, value in changes.items():
            setattr(pair, name, value)


def _store(sets):
    """Give every set its family: the one most of its clips are in already, else a new one. A clip alone has none."""
    now = dict(Clip.objects.filter(pk__in=sets.parent).order_by("pk").select_for_update().values_list("pk", "family_id"))
    taken, left = set(), {family for family in now.values() if family}
    for members in sorted(sets.members.values(), key=lambda members: (-len(members), min(members))):
        members = members & now.keys()
        if len(members) < 2:
            wanted = None
        else:
            known = [now[pk] for pk in sorted(members) if now[pk] and now[pk] not in taken]
            wanted = (
                max(known, key=lambda family: (known.count(family), -family)) if known else ClipFamily.objects.create().pk
            )
            taken.add(wanted)
        moved = [pk for pk in members if now[pk] != wanted]
        if moved:
            Clip.objects.filter(pk__in=moved).update(family=wanted)
    ClipFamily.objects.filter(pk__in=left - taken, clips=None).delete()


def rule(*, user, pair_id, verdict, seen):
    """A lead's verdict on a pair that was in the state `seen`; returns the pair. The same verdict again changes nothing.

    Raises WrongState when somebody else ruled in between, or when the verdict contradicts what people said of other pairs.
    """
    verdict = State(verdict)
    with transaction.atomic():
        _wait_for_our_turn()
        pair = DuplicatePair.objects.select_related("decided_by").get(pk=pair_id)
        if pair.state == verdict and pair.decided_by_id == user.pk:
            return pair
        if pair.state != seen:
            raise WrongState(
                _("%(who)s has ruled on this pair in between: %(state)s. Look again.")
                % {"who": pair.decided_by or _("The Studio"), "state": pair.get_state_display().lower()}
            )
        _refuse_contradiction(pair, verdict)
        DuplicatePair.objects.filter(pk=pair.pk).update(
            state=verdict,
            decided_by=None if verdict == State.OPEN else user,
            decided_at=None if verdict == State.OPEN else timezone.now(),
            **({"together": False} if verdict == State.DIFFERENT else {}),
        )
        _regroup({pair.first_id, pair.second_id})
        pair.refresh_from_db()
    return pair


def _refuse_contradiction(pair, verdict):
    """People's own verdicts must fit: A is B and B is C, so nobody can say that A is not C without taking one back."""
    if verdict == State.OPEN:
        return
    said = DuplicatePair.objects.filter(decided_by__isnull=False).exclude(pk=pair.pk)
    joined, apart = {}, []
    ids, new = {pair.first_id, pair.second_id}, {pair.first_id, pair.second_id}
    while new:  # all that people's verdicts hold together with one of the two
        near = list(said.filter(Q(first__in=new) | Q(second__in=new), state__in=JOINING))
        for one in near:
            joined.setdefault(one.first_id, set()).add(one.second_id)
            joined.setdefault(one.second_id, set()).add(one.first_id)
        new = {pk for one in near for pk in (one.first_id, one.second_id)} - ids
        ids |= new
    if verdict == State.DIFFERENT:
        chain = _chain(joined, pair.first_id, pair.second_id)
        if chain:
            raise WrongState(
                _("People have called clips %(chain)s the same, one after the other. Take one of those verdicts back first.")
                % {"chain": ", ".join(map(str, chain))}
            )
        return
    apart = said.filter(state=State.DIFFERENT, first__in=ids, second__in=ids).exclude(pk=pair.pk)
    for one in apart:
        joined.setdefault(pair.first_id, set()).add(pair.second_id)
        joined.setdefault(pair.second_id, set()).add(pair.first_id)
        if _chain(joined, one.first_id, one.second_id):
            raise WrongState(
                _("That would put clips %(one)d and %(other)d into one family, and they were called different. Rule on that"
                  " pair first.")
                % {"one": one.first_id, "other": one.second_id}
            )  # fmt: skip


def _chain(joined, start, end):
    """The shortest way from one clip to another over joined ones, or None."""
    before, queue = {start: None}, [start]
    for pk in queue:
        if pk == end:
            way = [pk]
            while before[way[-1]] is not None:
                way.append(before[way[-1]])
            return way[::-1]
        for other in sorted(joined.get(pk, ())):
            if other not in before:
                before[other] = pk
                queue.append(other)
    return None
