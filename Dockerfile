# mueca serve in a container: small, of no root, with a file system that may be read-only.
#
#   docker build -t mueca .
#   docker run --rm -p 127.0.0.1:8000:8000 --read-only --tmpfs /tmp --cap-drop ALL \
#       -e MUECA_TOKEN=a-token-of-your-own mueca
#
# Prediction alone needs no TensorFlow, no dlib and no compiler: wheels of the core and of the extra `web`.
FROM python:3.11-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps -w /wheels /source

FROM python:3.11-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-compile "$(echo /wheels/mueca-*.whl)[web]" \
    && rm -r /wheels \
    && useradd --system --uid 10001 --no-create-home mueca
# What is computed once is kept where a tmpfs or a volume may lie; without one it is computed anew.
ENV MUECA_CACHE=/tmp/mueca PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# Beyond loopback a token is asked of everybody: MUECA_TOKEN, or the one that is printed.
ENTRYPOINT ["mueca", "serve", "--host", "0.0.0.0", "--port", "8000"]
