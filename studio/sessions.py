"""Django's sessions in the database, read with one ready statement: each request of a signed-in person begins with it."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from studio import rows

_COLUMNS, _read = rows.reader(s=Session)
_LIVE = f"SELECT {_COLUMNS} FROM django_session s WHERE s.session_key = %s AND s.expire_date > now()"


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key):
        # A cookie can hold anything, even a zero character, which PostgreSQL refuses to look for.
        return super()._validate_session_key(key) and key.isascii() and key.isalnum()

    def _get_session_from_db(self):
        row = rows.first(_LIVE, [self.session_key])
        if row is None:
            self._session_key = None
            return None
        return _read(row)[0]
