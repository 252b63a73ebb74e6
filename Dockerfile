# The server image: web, relay, sequencer, worker and beat run from it (and the agent, without an engine).
# It holds no torch and no vLLM: engines run where the GPUs are.
FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    CUX_VAR=/var/lib/cux DJANGO_SETTINGS_MODULE=config.settings
WORKDIR /srv/cux
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY . .
RUN pip install --no-deps --no-build-isolation ./cux ./agent \
    && useradd --system --uid 10001 --home-dir /var/lib/cux --create-home cux \
    && install -d -o cux -g cux /run/cux /var/lib/cux/agent /var/lib/cux/stripe
USER cux
# Names with digests for the pages' files; what the settings ask for otherwise is not used by this.
RUN CUX_PRODUCTION=1 SECRET_KEY=- RELAY_TOKEN=- SIGNING_SEED=- SEALING_KEY=- STRIPE_DOUBLE_SECRET=- \
    DATABASE_URL=postgresql://- BROKER_URL=redis://- python manage.py collectstatic --no-input --verbosity 0
CMD ["python", "manage.py", "help"]
