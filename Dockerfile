# syntax=docker/dockerfile:1
# The bot in a container: no root, nothing written but /data and /tmp. See deploy/README.md.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt requirements.scale requirements.build ./
RUN python -m venv /opt/jianbao \
 && /opt/jianbao/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r requirements.txt \
 && /opt/jianbao/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r requirements.scale
COPY . .
RUN /opt/jianbao/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin jianbao \
 && install -d -o jianbao -g jianbao /data
COPY --from=build /opt/jianbao /opt/jianbao
ENV PATH=/opt/jianbao/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATABASE_URL=sqlite:////data/jianbao.db DATA_DIR=/data/var WEB_ADDRESS=0.0.0.0:8080
USER jianbao
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["jianbao"]
CMD ["run"]
