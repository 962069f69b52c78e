# syntax=docker/dockerfile:1
# Two images for docker-compose.yml:
#   cpu   web server, CPU worker (int8 engine), sweeper, migration; no TensorFlow in it
#   gpu   worker for NVIDIA GPUs: TensorFlow with its CUDA libraries; the host gives the driver

ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS sources
WORKDIR /src
COPY pyproject.toml README.md LICENSE cxr.py ./
COPY model model
COPY training training
COPY web web
COPY worker worker

# What is installed is in locks/, with its hashes; `make lock` renews it.
FROM ${PYTHON} AS build-cpu
RUN python -m venv /opt/cxr
COPY locks/run.txt /locks/
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/cxr/bin/pip install --require-hashes --requirement /locks/run.txt
COPY --from=sources /src /src
RUN /opt/cxr/bin/pip install --no-deps /src

FROM build-cpu AS build-gpu
COPY locks/gpu.txt /locks/
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/cxr/bin/pip install --require-hashes --requirement /locks/gpu.txt

FROM ${PYTHON} AS runtime
ENV PATH=/opt/cxr/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    CXR_HOME=/data
# A fixed number: both images write to the same volume. A new volume takes over this owner.
RUN groupadd --gid 10001 cxr \
    && useradd --uid 10001 --gid cxr --home-dir /tmp --no-create-home --shell /usr/sbin/nologin cxr \
    && install --directory --owner cxr --group cxr --mode 0700 /data
WORKDIR /data
LABEL org.opencontainers.image.title="cxr-batch" \
      org.opencontainers.image.description="Chest X-rays in bulk: upload, queue, classify, read the results. Research and triage support, not a diagnosis." \
      org.opencontainers.image.source="https://github.com/cxr-batch/cxr-batch" \
      org.opencontainers.image.licenses="MIT AND Apache-2.0 AND CC-BY-4.0" \
      cxr-batch.licence.code="MIT" \
      cxr-batch.licence.weights="Fine-tuned from the ImageNet weights of EfficientNet-Lite0 (Google; Apache 2.0) and VGG16 (K. Simonyan, A. Zisserman; CC BY 4.0) on public chest X-rays; MODEL_CARD.md names their sources and licences. No X-ray is in this image."

FROM runtime AS cpu
COPY --from=build-cpu /opt/cxr /opt/cxr
USER 10001:10001
EXPOSE 8000
CMD ["cxr", "--help"]

FROM runtime AS gpu
COPY --from=build-gpu /opt/cxr /opt/cxr
USER 10001:10001
CMD ["cxr", "worker", "--device", "gpu"]
