# One image for web, worker, beat and migrations. It holds no setting and no secret: both come at the start.
FROM python:3.13-slim AS build
RUN python -m venv /opt/venv
COPY requirements/runtime.txt /tmp/runtime.txt
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/runtime.txt

FROM python:3.13-slim
RUN groupadd --system --gid 10001 app && useradd --system --uid 10001 --gid app --no-create-home app
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY manage.py ./
COPY audit audit
COPY dead_letters dead_letters
COPY deploy/health.py deploy/health.py
COPY docs/runbook.md docs/runbook.md
COPY instagram_webhooks instagram_webhooks
COPY webhooks_project webhooks_project
# Compiled here, because the root file system is read-only later.
RUN python -m compileall -q /app
# Many threads share one heap, and none keeps what it freed: docs/decisions/0021.
ENV GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0
ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "deploy.health", "web"]
CMD ["python", "-m", "webhooks_project", "web"]
