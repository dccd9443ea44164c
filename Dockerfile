# Two images from one file:
#
#   docker build --target controller -t callcenter-controller .
#   docker build --target asterisk   -t callcenter-asterisk .
#
# compose.yaml joins them; docs/installing.md says how. The controller runs as user 10001, Asterisk as user and group
# 10002, of which the controller is a member: it writes the settings that Asterisk only reads, and takes away the
# recordings that Asterisk writes.
# Both see the same home, /srv/callcenter: config.yaml, var/, recordings/. Of var/ Asterisk is given only
# var/asterisk: the register and people's passwords are not its business.

ARG STABLE=debian:trixie-slim
# Debian stable has no Asterisk; this is the first release that has one again (22).
ARG WITH_ASTERISK=debian:forky-slim

# --- the controller ------------------------------------------------------------------------------------------------

FROM ${STABLE} AS python
RUN apt-get update \
# openssl and its engine for GOST look at signatures beside files.
 && apt-get install -y --no-install-recommends python3 tzdata openssl libengine-gost-openssl \
 && rm -rf /var/lib/apt/lists/*

FROM python AS environment
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY requirements/uv.txt requirements/run.txt /tmp/
RUN python3 -m venv /tmp/uv \
 && /tmp/uv/bin/pip install --no-cache-dir --require-hashes --only-binary=:all: -r /tmp/uv.txt \
 && /tmp/uv/bin/uv venv --no-cache --python /usr/bin/python3 /opt/venv \
 && /tmp/uv/bin/uv pip sync --system-certs --no-cache --python /opt/venv --require-hashes --no-build --compile-bytecode \
    /tmp/run.txt

FROM python AS front
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm python3-venv
COPY tools/front.py /build/tools/
COPY callcenter/desk/front /build/callcenter/desk/front
COPY callcenter/public/front /build/callcenter/public/front
RUN python3 /build/tools/front.py

FROM python AS controller
ENV PATH=/opt/callcenter/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/callcenter \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 callcenter \
 && groupadd --gid 10002 callcenter-asterisk \
 && useradd --uid 10001 --gid 10001 --groups 10002 --no-create-home --home-dir /srv/callcenter \
    --shell /usr/sbin/nologin callcenter \
 && install -d -o callcenter -g callcenter -m 0750 /srv/callcenter/var /srv/callcenter/recordings \
 && install -d -o callcenter -g callcenter-asterisk -m 2750 /srv/callcenter/var/asterisk
COPY --from=environment /opt/venv /opt/venv
COPY deploy/container/callcenter deploy/container/alive /opt/callcenter/bin/
COPY ivr_prompts /opt/callcenter/ivr_prompts
COPY dialplan /opt/callcenter/dialplan
COPY callcenter /opt/callcenter/callcenter
COPY --from=front /build/var/front/built /opt/callcenter/var/front/built
COPY config.yaml /srv/callcenter/config.yaml
RUN python3 -m compileall -q /opt/callcenter/callcenter
WORKDIR /srv/callcenter
USER callcenter
# Ends shifts, writes the register, and exits. Calls in progress go on in Asterisk.
STOPSIGNAL SIGTERM
# Not /healthz: that says 503 when the line cannot answer, and a restart brings nobody to work. What is asked is
# whether the event loop still turns.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["alive"]
ENTRYPOINT ["callcenter"]
CMD ["serve"]

# --- Asterisk ------------------------------------------------------------------------------------------------------

FROM ${WITH_ASTERISK} AS asterisk
# tzdata: the fallback queue's hours of the day are in the line's zone.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
    asterisk asterisk-modules asterisk-core-sounds-ru-wav asterisk-core-sounds-en-gsm tzdata \
 && rm -rf /var/lib/apt/lists/* \
# One name for the folder of modules on every architecture: `callcenter render` is told it.
 && [ -e /usr/lib/asterisk/modules ] \
 || { mkdir -p /usr/lib/asterisk && ln -s /usr/lib/*-linux-gnu/asterisk/modules /usr/lib/asterisk/modules; }
RUN test -e /usr/lib/asterisk/modules/chan_pjsip.so \
 && groupadd --gid 10002 callcenter-asterisk \
 && useradd --uid 10002 --gid 10002 --no-create-home --home-dir /srv/callcenter/var/asterisk \
    --shell /usr/sbin/nologin callcenter-asterisk \
 && install -d -o 10001 -g callcenter-asterisk -m 2750 /srv/callcenter/var/asterisk
COPY deploy/container/asterisk-when-rendered /usr/local/bin/
COPY ivr_prompts /opt/callcenter/ivr_prompts
WORKDIR /srv/callcenter
USER callcenter-asterisk
# Ends at once, with all calls: stop it outside of hours.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["asterisk", "-C", "/srv/callcenter/var/asterisk/etc/asterisk.conf", "-rx", "core waitfullybooted"]
ENTRYPOINT ["asterisk-when-rendered"]
