"""The figures as a table: what was measured, its ratio, and what the project asks of it."""

import statistics

from rich.table import Table


def table(figures: dict) -> Table:
    machine = figures["machine"]
    title = (
        f"make bench: {figures['model']}, {machine['processor']}, {machine['cores']} cores, "
        f"{figures['files']} files"
    )
    result = Table("figure", "measured", "must reach", title=title, title_justify="left")
    for row in [
        *_throughput(figures.get("throughput")),
        *_peer(figures.get("peer")),
        *_layouts(figures.get("layouts")),
        *_urgent(figures.get("urgent")),
        *_first_result(figures.get("first_result")),
        *_cost(figures.get("cost")),
        *_workers(figures.get("workers")),
        *_size(figures.get("size")),
        *_encryption(figures.get("encryption")),
        *_shadow(figures.get("shadow")),
        *_door(figures.get("door")),
        *_pages(figures.get("pages")),
        *_rows(figures.get("rows")),
        *_recovery(figures.get("recovery")),
    ]:
        result.add_row(*row)
    return result


def _throughput(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    rate = {way: measured["median"] for way, measured in found.items()}
    rows = []
    for network, prefix in (("", ""), (", reference", "reference_")):
        ceiling, system = rate[f"{prefix}ceiling"], rate[f"{prefix}system"]
        with_pictures = rate[f"{prefix}ceiling_with_pictures"]
        rows += [
            (f"ceiling{network}: plain loop, images/s", f"{ceiling:.1f}", ""),
            (
                f"the same with text looked for and small pictures{network}, images/s",
                f"{with_pictures:.1f}",
                "",
            ),
            (f"system{network}: through the REST API, images/s", f"{system:.1f}", ""),
            (
                f"system / ceiling{network}",
                f"{system / ceiling:.2f}",
                "0.88" if network else "0.95",
            ),
            (f"system / the same{network}", f"{system / with_pictures:.2f}", ""),
        ]
    article = rate["article"]
    return [
        *rows,
        ("article: one request, one predict, images/s", f"{article:.1f}", ""),
        ("system / article", f"{rate['system'] / article:.1f}", ""),
        ("system / article, reference", f"{rate['reference_system'] / article:.1f}", "6.5"),
    ]


def _peer(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    system, litserve = found["system"]["median"], found["litserve"]["median"]
    return [
        ("bulk job through the REST API, images/s", f"{system:.1f}", ""),
        ("LitServe, two workers, nothing durable, images/s", f"{litserve:.1f}", ""),
        ("bulk job / LitServe", f"{system / litserve:.2f}", "1.05"),
        *(
            (f"processor time of {name}, everything, ms per image", f"{ms:.1f}", "")
            for name, ms in (
                ("a bulk job", found["system"]["cpu_ms_per_image"]),
                ("LitServe", found["litserve"]["cpu_ms_per_image"]),
            )
        ),
    ]


def _layouts(found: dict | None) -> list[tuple[str, str, str]]:
    return [
        (f"plain loop, {layout}, images/s", f"{rate:.1f}", "")
        for layout, rate in (found or {}).items()
    ]


def _encryption(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    of = f"files encrypted / not, {found['rounds']} rounds of {found['images']} in turn"
    rows = []
    for what, ratios in (("images/s", "speed_ratios"), ("processor time", "cpu_ratios")):
        low, middle, high = (f(found[ratios]) for f in (min, statistics.median, max))
        rows.append((f"{what}, {of}", f"{middle:.3f} ({low:.3f} to {high:.3f})", ""))
    return [
        *rows,
        *(
            (f"processor time per image, files {way}, ms", f"{ms:.2f}", "")
            for way, ms in found["cpu_ms_per_image"].items()
        ),
        *(
            (f"{verb}, MB per second of processor time", f"{rate:.0f}", "")
            for verb, rate in found["mb_per_cpu_s"].items()
        ),
    ]


def _shadow(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    of = f"{found['rounds']} rounds of {found['images']} in turn"
    rows = []
    for what, ratios in (("images/s", "speed_ratios"), ("processor time", "cpu_ratios")):
        low, middle, high = (f(found[ratios]) for f in (min, statistics.median, max))
        figure = f"{middle:.3f} ({low:.3f} to {high:.3f})"
        rows.append((f"{what} of a job, with a shadow / alone, {of}", figure, ""))
    return [
        *rows,
        *(
            (
                f"single image, {words}, p50 / p95, s",
                f"{found['single_s'][way]:.3f} / {found['single_p95_s'][way]:.3f}",
                "",
            )
            for way, words in (("alone", "idle"), ("shadowed", "while the shadow works"))
        ),
        ("shadow, images/s while nothing else waits", f"{found['shadow_images_per_s']:.1f}", ""),
        ("memory of the shadow's process, peak, MiB", f"{found['peak_memory_mb']:.0f}", ""),
    ]


def _urgent(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    idle, beside = found["idle_s"], found["under_bulk_s"]
    return [
        ("single image, idle, p50 / p95, s", f"{idle['p50']:.3f} / {idle['p95']:.3f}", "0.4 (p50)"),
        (
            "urgent image beside a bulk job, p50 / p95, s",
            f"{beside['p50']:.2f} / {beside['p95']:.2f}",
            "",
        ),
        ("urgent p95 - idle p50, s", f"{beside['p95'] - idle['p50']:.2f}", "0.5"),
    ]


def _first_result(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    upload = f"of an upload of {found['images']}, s after its first byte"
    return [
        (f"first result {upload}", f"{found['first']:.2f}", "1.5"),
        (f"answer {upload}", f"{found['answer']:.2f}", ""),
    ]


def _cost(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    memory = [
        (f"peak memory of {name}, MiB", f"{mb:.0f}", "400" if "worker" in name else "")
        for name, mb in found["peak_memory_mb"].items()
    ]
    cpu = [
        (f"processor time of {name} per image, ms", f"{ms:.2f}", "")
        for name, ms in found["cpu_ms_per_image"].items()
    ]
    stages = [
        (f"stage {name}, median ms per image", f"{ms:.2f}", "")
        for name, ms in found["stage_ms"].items()
    ]
    stages += [
        (f"stage {name}, processor time, ms per image", f"{ms:.2f}", "")
        for name, ms in found["queue_and_save_ms"].items()
    ]
    return [
        (
            "start of everything to first result, s",
            f"{found['start_to_first_answer_s']:.1f}",
            "3.0",
        ),
        *memory,
        *cpu,
        *stages,
        ("SQL bytes per image", f"{found['sql_bytes_per_image']:.0f}", ""),
    ]


def _workers(found: dict | None) -> list[tuple[str, str, str]]:
    return [(f"{n} worker(s), images/s", f"{rate:.1f}", "") for n, rate in (found or {}).items()]


def _size(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    rows = [(f"ms per image, job of {n}", f"{ms:.1f}", "") for n, ms in found.items()]
    spread = max(found.values()) / min(found.values()) - 1
    return [*rows, ("slowest job size over fastest", f"{100 * spread:.0f} % more", "10 %")]


def _door(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    titles = {"idle": "idle", "crowded": "beside 200 silent, 20 slow, 20 full-speed clients"}
    rows = [
        (
            f"{what}, {titles[when]}, p50 / p95, ms",
            f"{spread['p50']:.0f} / {spread['p95']:.0f}",
            "200" if when == "crowded" else "",
        )
        for when, by in found["ms"].items()
        for what, spread in by.items()
    ]
    return [*rows, ("peak memory of web then, MiB", f"{found['peak_memory_mb']:.0f}", "")]


def _pages(found: dict | None) -> list[tuple[str, str, str]]:
    rows = []
    for name, measured in (found or {}).items():
        most = {"job": "1000", "viewer": "700"}.get(name, "")
        rows += [
            (f"largest contentful paint, {name}, ms", f"{measured['lcp_ms']:.0f}", most),
            (
                f"the same with a cache, {name}, ms",
                f"{measured['warm_lcp_ms']:.0f}",
                most,
            ),
            (f"weight without films, {name}, kB", f"{measured['weight_kb']:.0f}", "300"),
        ]
        if "grown_mb" in measured:
            rows += [
                (f"first result in the list, {name}, ms", f"{measured['first_row_ms']:.0f}", ""),
                (f"memory grown by scrolling, {name}, MB", f"{measured['grown_mb']:.1f}", "2"),
            ]
    return rows


# p95 of requests, in milliseconds.
_MUST_REACH = {
    "GET /jobs/{id}/images": "15",
    "GET /images?search=": "100",
    "GET /images?search=, nothing": "100",
}


def _rows(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    return [
        (
            f"p95 of {name} at {found['rows']:,} rows, ms",
            f"{ms:.1f}",
            _MUST_REACH.get(name, ""),
        )
        for name, ms in found["p95_ms"].items()
    ]


def _recovery(found: dict | None) -> list[tuple[str, str, str]]:
    if not found:
        return []
    more = [
        killed - undisturbed
        for killed, undisturbed in zip(
            found["killed"]["all"], found["undisturbed"]["all"], strict=True
        )
    ]
    return [
        ("job of 200, undisturbed, s", f"{found['undisturbed']['median']:.1f}", ""),
        ("job of 200, kill -9 of one of two workers, s", f"{found['killed']['median']:.1f}", ""),
        ("what the kill cost, worst round, s", f"{max(more):.1f}", "20"),
    ]
