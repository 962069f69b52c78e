"""The files of the pages: kept by browsers for as long as they do not change."""

import re

from web.pages.frame.assets import _version


def test_a_browser_keeps_a_file_of_this_version_and_asks_anew_for_any_other(visitor):
    (address,) = re.findall(r'href="(/static/\w+/base\.css)"', visitor.get("/sign-in").text)
    kept = visitor.get(address)
    assert (kept.status_code, kept.content_type) == (200, "text/css; charset=utf-8")
    assert kept.cache_control.immutable
    assert kept.cache_control.max_age > 10**7
    other = visitor.get("/static/of-another-server/base.css")
    assert other.data == kept.data
    assert other.cache_control.no_cache
    assert not other.cache_control.immutable


def test_no_file_outside_the_folder_is_served(visitor):
    for path in ("../views.py", "..%2fviews.py", "/etc/passwd", "nothing.css"):
        assert visitor.get(f"/static/0/{path}", follow_redirects=True).status_code == 404, path


def test_the_version_changes_with_every_name_and_content(tmp_path):
    (tmp_path / "a.css").write_text("a")
    versions = [_version(tmp_path)]
    (tmp_path / "a.css").write_text("b")
    versions.append(_version(tmp_path))
    (tmp_path / "a.css").rename(tmp_path / "b.css")
    versions.append(_version(tmp_path))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "d.css").touch()
    versions.append(_version(tmp_path))
    assert len(set(versions)) == 4
