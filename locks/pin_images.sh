#!/bin/sh
# Pins every foreign image of the fleet to what its tag means now, in Dockerfile and docker-compose.yml:
# NAME:TAG becomes NAME:TAG@sha256:… Run again, it renews them. Docker asks the registries.
set -eu
cd "$(dirname "$0")/.."
place='^(ARG PYTHON=| *image: )'
sed -nE "s/$place([^@ ]+:[^@ ]+).*/\2/p" Dockerfile docker-compose.yml | grep -v '^cxr-batch:' | sort -u |
    while read -r image; do
        digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$image" < /dev/null)
        echo "$digest" | grep -qxE 'sha256:[0-9a-f]{64}' || {
            echo "Docker named no digest of $image. Received: $digest" >&2
            exit 1
        }
        sed -i -E "s,$place$image(@sha256:[0-9a-f]+)?\$,\1$image@$digest," Dockerfile docker-compose.yml
        echo "$image@$digest"
    done
