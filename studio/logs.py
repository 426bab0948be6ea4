"""Structured logs: one JSON object a line, each with the ids of the request and the job it belongs to."""

import json
import logging
from contextvars import ContextVar

request_id = ContextVar("request_id", default="")
job_id = ContextVar("job_id", default="")


class ContextFilter(logging.Filter):
    def filter(self, record):
        record.request_id = request_id.get()
        record.job_id = job_id.get()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key in ("request_id", "job_id", "user_id", "method", "path", "status", "ms"):
            value = getattr(record, key, "")
            if value != "":
                line[key] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
