"""Reports as PDF."""

import io
from zoneinfo import ZoneInfo

import pypdf
import pytest

from tests.support.results import rejected, work
from web.showing import report
from worker.records.reviews import NewReview, Verdict


def text(answer) -> str:
    assert (answer.status_code, answer.content_type) == (200, "application/pdf"), answer.data[:200]
    pages = pypdf.PdfReader(io.BytesIO(answer.data)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def pictures(answer) -> int:
    return len(pypdf.PdfReader(io.BytesIO(answer.data)).pages[0].images)


def test_a_report_of_an_image(client, upload, store, clinic, png):
    upload({"<b>a</b> & b.png": png}, name="Monday")
    work(store, 1)
    said = NewReview(Verdict.OTHER_LABEL, "NORMAL", "Clear lungs.")
    store.review(clinic.id, 1, "Dr. Okafor", said)
    answer = client.get("/api/v1/images/1/report.pdf")
    found = text(answer)
    for expected in (
        "<b>a</b> & b.png", "Monday", "Most likely: Pneumonia", "81.9 %", "Dr. Okafor",
        "Clear lungs.", "vgg_attention-1.0.0", "not a diagnosis",
    ):  # fmt: skip
        assert expected in found
    assert pictures(answer) == 2
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cxr-image-1.pdf"'


def test_a_report_of_an_image_that_waits(client, upload, png):
    upload({"a.png": png})
    found = text(client.get("/api/v1/images/1/report.pdf"))
    assert "Waiting." in found
    assert "Uploaded" in found


def test_a_report_of_a_job(client, upload, store, clinic, png, monkeypatch):
    upload({"a.png": png, "b.png": png, "c.png": png}, name="Monday")
    work(store, 2)
    work(store, 1, rejected)
    store.review(clinic.id, 1, "Ann", NewReview(Verdict.UNUSABLE))
    found = text(client.get("/api/v1/jobs/1/report.pdf"))
    for expected in ("3 images: 2 classified, 1 rejected.", "COVID-19 (uncertain)", "Unusable",
                     "not_a_chest_xray", "c.png"):  # fmt: skip
        assert expected in found
    monkeypatch.setattr(report, "MAX_ROWS", 1)
    found = text(client.get("/api/v1/jobs/1/report.pdf"))
    assert "The first 1 images. All are in the CSV export." in found
    assert "b.png" not in found


def test_a_report_without_a_picture(client, upload):
    upload({"empty.png": b""})
    assert "The file is empty." in text(client.get("/api/v1/images/1/report.pdf"))


def test_times_are_those_of_the_zone_that_is_asked_for(client, upload, store, clinic, png):
    upload({"a.png": png})
    work(store, 1)
    at = store.job(clinic.id, 1).created_at
    there = at.astimezone(ZoneInfo("Asia/Kolkata")).strftime("%Y-%m-%d %H:%M IST")
    for path in ("/api/v1/images/1/report.pdf", "/api/v1/jobs/1/report.pdf"):
        found = text(client.get(path, query_string={"time_zone": "Asia/Kolkata"}))
        assert f"Uploaded {there}" in found or f"Uploaded: {there}" in found
        assert "Time zone: Asia/Kolkata" in found
        assert " UTC" not in found
        assert f"{at:%Y-%m-%d %H:%M} UTC" in text(client.get(path))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_an_unknown_zone_is_refused(client, upload, png, zone):
    upload({"a.png": png})
    answer = client.get("/api/v1/jobs/1/report.pdf", query_string={"time_zone": zone})
    assert answer.status_code == 422
    assert "Europe/Madrid" in answer.json["detail"]


def test_a_report_is_in_the_language_of_its_reader(client, upload, store, png):
    upload({"a.png": png}, name="Lunes")
    work(store, 1)
    spanish = {"Accept-Language": "es-ES"}
    found = text(client.get("/api/v1/images/1/report.pdf", headers=spanish))
    for expected in ("Lo más probable: Neumonía", "81,9 %", "Sin revisar.", "no es un diagnóstico"):
        assert expected in found
    found = text(client.get("/api/v1/jobs/1/report.pdf", headers=spanish))
    assert "1 imagen: 1 con resultado." in found
