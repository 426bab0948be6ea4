"""All settings of the Studio. What differs between installations comes from the environment; README.md has the table."""

import json
from decimal import Decimal
from pathlib import Path

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from studio.env import celery_broker, env_bool, env_json, env_list, env_number, env_str, postgres_config

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("STUDIO_DATA_DIR", str(BASE_DIR / "data"))).resolve()

# `make demo` and `make services` start PostgreSQL and Redis inside DATA_DIR and write their addresses here.
_local = {}
if (DATA_DIR / "services.json").is_file():
    _local = json.loads((DATA_DIR / "services.json").read_text())

DATABASE_URL = env_str("DATABASE_URL") or _local.get("database_url", "postgresql:///studio?host=/nowhere-run-make-services")
REDIS_URL = env_str("REDIS_URL") or _local.get("redis_url", f"unix://{DATA_DIR}/redis.sock")

DEBUG = env_bool("STUDIO_DEBUG", False)
SECRET_KEY = env_str("STUDIO_SECRET_KEY") or _local.get("secret_key", "")
if not SECRET_KEY and not DEBUG:
    # An empty key makes Django refuse to start with its own clear sentence; builds and linters may set any.
    SECRET_KEY = env_str("STUDIO_BUILD_KEY")
ALLOWED_HOSTS = env_list("STUDIO_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("STUDIO_TRUSTED_ORIGINS")
HTTPS = env_bool("STUDIO_HTTPS", False)
SITE_URL = env_str("STUDIO_SITE_URL", "http://127.0.0.1:8000")

INSTALLED_APPS = [
    "studio",
    "annotator",
    "qc",
    "modelzoo",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "django_filters",
    "template_partials",
    "pgtrigger",
    "pghistory",
    "axes",
    "csp",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "studio.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "studio.middleware.PersonLocaleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "studio.middleware.AccessMiddleware",
    "studio.middleware.HistoryMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "studio.context.studio",
            ],
        },
    }
]

DATABASES = {
    "default": {
        **postgres_config(DATABASE_URL),
        "CONN_MAX_AGE": env_number("STUDIO_DB_CONN_MAX_AGE_S", 600),
        "CONN_HEALTH_CHECKS": True,
    }
}
# Statements of studio/rows.py are kept ready on their connection; Django's own never are. A pooler in between must know
# prepared statements (PgBouncer does from 1.21 on).
DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"], "prepare_threshold": 2}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "studio"}
}

# Media: a local folder, or an S3 bucket when STUDIO_S3_BUCKET is set.
MEDIA_ROOT = Path(env_str("STUDIO_MEDIA_ROOT", str(DATA_DIR / "media")))
MEDIA_ACCEL_PREFIX = env_str("STUDIO_MEDIA_ACCEL_PREFIX")  # nginx internal location; empty: Django sends the bytes
S3_BUCKET = env_str("STUDIO_S3_BUCKET")
_s3 = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": S3_BUCKET,
        "endpoint_url": env_str("STUDIO_S3_ENDPOINT") or None,
        "region_name": env_str("STUDIO_S3_REGION") or None,
        "querystring_expire": 3600,
        "file_overwrite": True,
    },
}
_folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(MEDIA_ROOT)}}
STORAGES = {
    "default": _s3 if S3_BUCKET else _folder,
    "staticfiles": {"BACKEND": "studio.static_files.StaticStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = Path(env_str("STUDIO_STATIC_ROOT", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]

# People
AUTH_USER_MODEL = "studio.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = env_number("STUDIO_LOGIN_FAILURES", 8, minimum=1)
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "studio.people.locked_out"
AXES_CLIENT_IP_CALLABLE = "studio.people.address_of"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
EMAIL_BACKEND = env_str("STUDIO_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env_str("STUDIO_EMAIL_HOST", "localhost")
EMAIL_PORT = env_number("STUDIO_EMAIL_PORT", 25)
EMAIL_HOST_USER = env_str("STUDIO_EMAIL_USER")
EMAIL_HOST_PASSWORD = env_str("STUDIO_EMAIL_PASSWORD")
EMAIL_USE_TLS = env_bool("STUDIO_EMAIL_TLS", False)
DEFAULT_FROM_EMAIL = env_str("STUDIO_EMAIL_FROM", "studio@localhost")

# Language and time
LANGUAGE_CODE = env_str("STUDIO_LANGUAGE", "en")
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env_str("STUDIO_TIME_ZONE", "UTC")

# Browser security
SESSION_ENGINE = "studio.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "studio.error_views.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
BEHIND_PROXY = env_bool("STUDIO_BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_media_hosts = [env_str("STUDIO_S3_ENDPOINT")] if env_str("STUDIO_S3_ENDPOINT") else (["https:"] if S3_BUCKET else [])
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *_media_hosts],
        "media-src": [SELF, "blob:", *_media_hosts],
        "connect-src": [SELF, *_media_hosts],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # everything but files
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# Background work
CELERY_BROKER_URL = celery_broker(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5}
CELERY_TASK_DEFAULT_QUEUE = "io"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
QUEUES = ("io", "cpu", "llm", "gpu")
JOB_HEARTBEAT_S = env_number("STUDIO_JOB_HEARTBEAT_S", 5.0, minimum=0.2)
JOB_LOST_AFTER_S = env_number("STUDIO_JOB_LOST_AFTER_S", 30.0, minimum=1)
JOB_SWEEP_S = env_number("STUDIO_JOB_SWEEP_S", 10.0, minimum=0.5)
CELERY_BEAT_SCHEDULE = {
    "sweep-jobs": {"task": "studio.tasks.sweep", "schedule": JOB_SWEEP_S, "options": {"queue": "io", "expires": 60}},
    "free-expired-leases": {
        "task": "annotator.tasks.free_expired_leases",
        "schedule": 60.0,
        "options": {"queue": "io", "expires": 60},
    },
}
CELERY_BEAT_SCHEDULE["count-marks"] = {
    "task": "qc.tasks.count_marks",
    "schedule": 10.0,
    "options": {"queue": "io", "expires": 30},
}
CELERY_BEAT_SCHEDULE["recount-by-night"] = {
    "task": "qc.tasks.recount_by_night",
    "schedule": crontab(hour=3, minute=17),
    "options": {"queue": "io"},
}
# Training. A run's folder lies below RUNS_DIR; what it trains on, below one of TRAINING_DATA_DIRS.
RUNS_DIR = Path(env_str("STUDIO_RUNS_DIR", str(DATA_DIR / "runs"))).resolve()
TRAINING_DATA_DIRS = env_list("STUDIO_TRAINING_DATA_DIRS", [str(DATA_DIR / "training-data")])
TRAIN_COMMAND = env_str("STUDIO_TRAIN_COMMAND")  # empty: manage.py train_physvlm with this Python
RUN_WATCH_S = env_number("STUDIO_RUN_WATCH_S", 3.0, minimum=0.2)
RUN_LOST_AFTER_S = env_number("STUDIO_RUN_LOST_AFTER_S", 120.0, minimum=1)
RUN_STOP_GRACE_S = env_number("STUDIO_RUN_STOP_GRACE_S", 120.0, minimum=0.2)
PUBLIC_LEADERBOARD = env_bool("STUDIO_PUBLIC_LEADERBOARD", False)  # at /leaderboard/public/, for everybody, read-only
# Asking (modelzoo/asking)
ASK_IDLE_S = env_number("STUDIO_ASK_IDLE_S", 120.0, minimum=1)  # how long a checkpoint stays loaded for the next question
ASK_MOST_OPEN = env_number("STUDIO_ASK_MOST_OPEN", 3, minimum=1)  # questions that one person has under way
ASK_UPLOAD_MAX_BYTES = env_number("STUDIO_ASK_UPLOAD_MAX_MB", 64, minimum=1) * 1024 * 1024
ASK_KEEP_DAYS = env_number("STUDIO_ASK_KEEP_DAYS", 14, minimum=1)  # for files uploaded to ask about
CELERY_BEAT_SCHEDULE["watch-runs"] = {
    "task": "modelzoo.tasks.watch_runs",
    "schedule": RUN_WATCH_S,
    "options": {"queue": "gpu", "expires": 30},
}
CELERY_BEAT_SCHEDULE["lose-silent-evaluations"] = {
    "task": "modelzoo.tasks.lose_silent_evaluations",
    "schedule": JOB_SWEEP_S,
    "options": {"queue": "io", "expires": 60},
}
CELERY_BEAT_SCHEDULE["remove-leftovers-by-night"] = {
    "task": "annotator.tasks.remove_leftovers_by_night",
    "schedule": crontab(hour=3, minute=40),
    "options": {"queue": "io", "expires": 3600},
}
CELERY_BEAT_SCHEDULE["nightly-agreement"] = {
    "task": "qc.tasks.nightly_agreement",
    "schedule": crontab(hour=3, minute=20),
    "options": {"queue": "io", "expires": 3600},
}
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE["nightly-baseline"] = {
    "task": "qc.tasks.nightly_baseline",
    "schedule": crontab(hour=3, minute=30),
    "options": {"queue": "io", "expires": 3600},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# Clips
UPLOAD_MAX_BYTES = env_number("STUDIO_UPLOAD_MAX_MB", 2048, minimum=1) * 1024 * 1024
CLIP_MAX_S = env_number("STUDIO_CLIP_MAX_S", 600.0, minimum=1)
CLIP_MAX_PIXELS = env_number("STUDIO_CLIP_MAX_PIXELS", 4096 * 2304, minimum=1)
FFMPEG = env_str("STUDIO_FFMPEG")  # empty: the binary inside imageio-ffmpeg
FFMPEG_MEMORY_MB = env_number("STUDIO_FFMPEG_MEMORY_MB", 4096, minimum=256)
FFMPEG_THREADS = env_number("STUDIO_FFMPEG_THREADS", 0)  # 0: ffmpeg decides

# Fetching clips from sites (annotator/sources). Nothing is fetched from a host that is not on this list or below it.
_FETCH_HOSTS = ["reddit.com", "redd.it", "youtube.com", "youtu.be", "googlevideo.com", "ytimg.com"]
FETCH_HOSTS = env_list("STUDIO_FETCH_HOSTS", _FETCH_HOSTS)
FETCH_MAX_BYTES = env_number("STUDIO_FETCH_MAX_MB", 300, minimum=1) * 1024 * 1024
FETCH_MAX_S = env_number("STUDIO_FETCH_MAX_S", 180.0, minimum=1)  # length of a video
FETCH_TIME_S = env_number("STUDIO_FETCH_TIME_S", 600.0, minimum=1)  # how long one fetch may take
FETCH_TIMEOUT_S = env_number("STUDIO_FETCH_TIMEOUT_S", 20.0, minimum=0.1)  # silence on a connection
FETCH_RATE_KB = env_number("STUDIO_FETCH_RATE_KB", 4096)  # a second; 0: as fast as it comes
FETCH_SLEEP_S = env_number("STUDIO_FETCH_SLEEP_S", 5.0)  # between two videos of a site; half of it between requests
FETCH_TRIES = env_number("STUDIO_FETCH_TRIES", 4, minimum=1)
FETCH_BACKOFF_S = env_number("STUDIO_FETCH_BACKOFF_S", 60.0)  # doubles with each try
# For tests and mirrors: {"host": "address:port"}, connected to instead of asking DNS, private or not; and who signs for it.
FETCH_ROUTES = env_json("STUDIO_FETCH_ROUTES", {})
FETCH_CA_FILE = env_str("STUDIO_FETCH_CA_FILE")
# {category: [keywords, ...]}, in place of those in annotator/sources/keywords.py
FETCH_KEYWORDS = env_json("STUDIO_FETCH_KEYWORDS", {})
CELERY_BEAT_SCHEDULE["fetch-what-waits"] = {
    "task": "annotator.tasks.fetch_what_waits",
    "schedule": env_number("STUDIO_FETCH_LOOK_S", 30.0, minimum=0.5),
    "options": {"queue": "io", "expires": 60},
}

# Questions
LEASE_MINUTES = env_number("STUDIO_LEASE_MINUTES", 30.0, minimum=0.01)
WRITERS_PER_CLIP = env_number("STUDIO_WRITERS_PER_CLIP", 1, minimum=1)
# Clips for these are offered to writers; those for practice never are.
WRITE_PURPOSES = env_list("STUDIO_WRITE_PURPOSES", ["benchmark"], allowed=("benchmark", "training"))
REVIEWS_NEEDED = env_number("STUDIO_REVIEWS_NEEDED", 1, minimum=1)
NEW_AUTHOR_REVIEWS = env_number("STUDIO_NEW_AUTHOR_REVIEWS", 2, minimum=1)
NEW_AUTHOR_QUESTIONS = env_number("STUDIO_NEW_AUTHOR_QUESTIONS", 10)
# The share of a reviewer's work that is a gold item: a question whose answer is known, to see how well they answer.
GOLD_RATE = env_number("STUDIO_GOLD_RATE", 0.05)
# A reason that came back this often among an author's last ruled revisions is shown beside the field it concerns.
HABIT_COUNT = env_number("STUDIO_HABIT_COUNT", 3, minimum=1)
HABIT_OF_LAST = env_number("STUDIO_HABIT_OF_LAST", 20, minimum=1)
STEM_MAX_CHARS = 300
OPTION_MAX_CHARS = 300
LETTER_SEED = env_number("STUDIO_LETTER_SEED", 20241202)

# Language models (studio/llm/endpoints.py reads the list). Keys stay in the environment.
_GPT_4O = {"name": "gpt-4o", "family": "gpt", "price_in": 2.5, "price_out": 10, "rpm": 500, "tpm": 30000}
LLM_MODELS = env_str("STUDIO_LLM_MODELS", json.dumps([_GPT_4O]))
LLM_BUDGET_DAY_USD = Decimal(str(env_number("STUDIO_LLM_BUDGET_DAY_USD", 20.0)))
LLM_BUDGET_JOB_USD = Decimal(str(env_number("STUDIO_LLM_BUDGET_JOB_USD", 10.0)))
LLM_TIMEOUT_S = env_number("STUDIO_LLM_TIMEOUT_S", 60.0, minimum=0.1)
LLM_TRIES = env_number("STUDIO_LLM_TRIES", 6, minimum=1)
LLM_PARALLEL = env_number("STUDIO_LLM_PARALLEL", 4, minimum=1)  # requests one job has under way
LLM_BACKOFF_S = env_number("STUDIO_LLM_BACKOFF_S", 0.5)  # doubles with each try
LLM_LONGEST_WAIT_S = env_number("STUDIO_LLM_LONGEST_WAIT_S", 120.0)
LLM_BATCH_POLL_S = env_number("STUDIO_LLM_BATCH_POLL_S", 30.0, minimum=0.05)
LEAK_RULE = env_str("STUDIO_LEAK_RULE", "rotations")  # or "paper": one answer, right means leaky

# Near-duplicates (qc/duplicates). README.md says what was measured.
# PDQ starts at 31 of 256 bits. Frames with text over them differ in up to 58, strangers in 88 and more; and whatever prints
# find is laid on each other, film on film, before anything is said.
DUPLICATE_BITS = env_number("STUDIO_DUPLICATE_BITS", 48, minimum=0)
# So many different frames must be alike, or a shared menu, logo or loading screen would make a pair.
DUPLICATE_FRAMES = env_number("STUDIO_DUPLICATE_FRAMES", 5, minimum=1)
# Shares of either clip that are in the other: from the first on one family, from the second on a person decides.
DUPLICATE_FAMILY = env_number("STUDIO_DUPLICATE_FAMILY", 0.8, minimum=0.0)
DUPLICATE_ASK = env_number("STUDIO_DUPLICATE_ASK", 0.3, minimum=0.0)
# Clips a new one is compared with, frame by frame: those with the most frames alike.
DUPLICATE_CANDIDATES = env_number("STUDIO_DUPLICATE_CANDIDATES", 20, minimum=1)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "studio.api.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["studio.api.DeclaredAccess"],
    "DEFAULT_PAGINATION_CLASS": "studio.api.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["studio.api.JSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_CLASSES": ["studio.api.PersonThrottle", "studio.api.VisitorThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "user": env_str("STUDIO_API_RATE", "1200/min"),
        "anon": env_str("STUDIO_API_ANON_RATE", "60/min"),
    },
    "NUM_PROXIES": 1 if env_bool("STUDIO_BEHIND_PROXY", False) else 0,
    "DEFAULT_SCHEMA_CLASS": "studio.api_schema.Schema",
    "EXCEPTION_HANDLER": "studio.api.error_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PhysGame Studio API",
    "VERSION": "1",
    "DESCRIPTION": (
        "Clips, questions, reviews, the queues, background jobs and exports. Sign in with `Authorization: Bearer pgs_...`; "
        "tokens are made on the account page. Every error has the shape of `Error`."
    ),
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["studio.api_schema.only_v1"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "studio.api_schema.add_error"],
    "COMPONENT_SPLIT_REQUEST": True,
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "PairState": "qc.duplicates.models.DuplicatePair.State",
        "ClipState": "annotator.models.Clip.State",
        "QuestionState": "annotator.models.Question.State",
        "JobState": "studio.models.Job.State",
        "Verdict": "qc.models.Review.Verdict",
        "Category": "annotator.taxonomy.CATEGORY_CHOICES",
        "ClipContent": "annotator.models.Clip.Content",
        "AsideContent": "annotator.api_serializers.ASIDE",
        "Purpose": "annotator.models.Clip.Purpose",
        "ExportPurpose": "modelzoo.exporting.PURPOSES",
        "SampleKind": "modelzoo.instruct.models.InstructSample.Kind",
        "PairKind": "modelzoo.instruct.models.PreferencePair.Kind",
        "DataState": "modelzoo.instruct.models.State",
        "RunState": "modelzoo.models.TrainingRun.State",
        "EvaluationState": "modelzoo.models.Evaluation.State",
        "Scoring": "modelzoo.models.Evaluation.Scoring",
        "QuestionSetOrigin": "modelzoo.models.QuestionSet.Origin",
        "Gate": "qc.dashboard.models.QuestionFacts.Gate",
    },
}

PGHISTORY_APPEND_ONLY = True

LOG_LEVEL = env_str("STUDIO_LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"ids": {"()": "studio.logs.ContextFilter"}},
    "formatters": {
        "json": {"()": "studio.logs.JsonFormatter"},
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s %(job_id)s] %(message)s"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["ids"],
            "formatter": "json" if env_bool("STUDIO_LOG_JSON", not DEBUG) else "plain",
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "axes": {"level": "WARNING"},  # else four lines for every good login
        "celery.app.trace": {"level": "WARNING"},  # else two lines a sweep, for ever
        "celery.worker.strategy": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},  # else a line for every request to a language model
        "django.server": {"handlers": ["console"], "level": LOG_LEVEL, "propagate": False},
    },
}
