#!/bin/sh
# Installs Debian's Chromium and Firefox where that is possible; else the browser tests say why they skip.
for name in "${CXR_CHROMIUM:-}" chromium-headless-shell chromium chromium-browser google-chrome; do
    [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && has_chromium=yes
done
if [ -n "${has_chromium:-}" ]; then
    :
elif command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -qq
        apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium
    } >/dev/null 2>&1 || echo "Chromium could not be installed"
else
    echo "No Chromium: install it (as root: apt-get install chromium-headless-shell) to run the browser tests"
fi

# And Firefox, for the main way through the pages.
for name in "${CXR_FIREFOX:-}" firefox-esr firefox; do
    [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Firefox for the browser tests"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends firefox-esr \
        >/dev/null 2>&1 || echo "Firefox could not be installed: its test is skipped"
fi
