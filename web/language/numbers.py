"""Numbers and dates as they are written in the reader's language and region."""

from datetime import date

from babel.dates import format_date
from babel.numbers import format_decimal

from web.language.asked import locale


def number(count: int) -> str:
    """12480 → "12,480", in Spanish "12.480"."""
    return format_decimal(count, format="#,##0", locale=locale())


def decimal(value: float, digits: int = 1) -> str:
    """97.84 → "97.8", in Spanish "97,8"."""
    pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
    return format_decimal(f"{value:.{digits}f}", format=pattern, locale=locale())


def day(at: date) -> str:
    """25 Nov 2026, in Spanish "25 nov 2026"."""
    return format_date(at, "d MMM yyyy", locale=locale())
