"""Read model instances with SQL of our own where a page is hot: compiling and planning a wide query cost more than the run.

columns, read = rows.reader(c=Clip, q=Question)
found = rows.first(f"SELECT {columns} FROM annotator_clip c LEFT JOIN annotator_question q ON ... WHERE ...", parameters)
clip, question = read(found)
"""

import time

import psycopg
from django.db import connection


def first(sql, parameters):
    """Run a statement that the database keeps ready on this connection; its first row or None.

    It passes by what listens to Django's cursors, so it must not change what the history keeps (it would not say who).
    """
    connection.validate_no_broken_transaction()
    started = time.monotonic()
    # Django's cursor connects, or finds out that the connection is gone; its own statements are never kept ready.
    with connection.cursor(), connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters, prepare=True)
        row = cursor.fetchone()
    if connection.queries_logged:
        connection.queries_log.append({"sql": sql, "time": f"{time.monotonic() - started:.3f}"})
    return row


def reader(**models):
    """(SELECT list for the given aliases, function that turns one row into instances, None where an outer join failed)."""
    parts, start, names = [], 0, []
    for alias, model in models.items():
        fields = model._meta.concrete_fields
        converters = [(index, field) for index, field in enumerate(fields) if hasattr(field, "from_db_value")]
        key = next(index for index, field in enumerate(fields) if field.primary_key)
        names += [f'{alias}."{field.column}"' for field in fields]
        parts.append((model, [field.attname for field in fields], converters, key, slice(start, start + len(fields))))
        start += len(fields)

    def read(row):
        found = []
        for model, attributes, converters, key, place in parts:
            values = list(row[place])
            if values[key] is None:
                found.append(None)
                continue
            for index, field in converters:
                values[index] = field.from_db_value(values[index], None, connection)
            found.append(model.from_db(connection.alias, attributes, values))
        return found

    return ", ".join(names), read
