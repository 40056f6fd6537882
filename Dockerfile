# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/rag
COPY requirements.lock ./
RUN /opt/rag/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY rag ./rag
COPY prompts ./prompts
COPY seeds ./seeds
COPY eval/questions.jsonl eval/labels.jsonl eval/thresholds.toml ./eval/
RUN /opt/rag/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home rag && install -d -o rag -g rag /data
COPY --from=build /opt/rag /opt/rag
# Outside of /data and /tmp nothing is written, so that the rest can be read-only.
ENV PATH=/opt/rag/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    RAG_HOME=/data RAG_HOST=0.0.0.0 RAG_PORT=7860
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["rag", "serve"]
