"""Charts as geometry."""

from web.pages.images import charts
from worker.records.jobs import Pace


def test_columns_of_speed_are_as_high_as_the_speed():
    chart = charts.speed(Pace(2.0, (10, 40, 20)))
    assert [bar.height for bar in chart.bars] == [
        charts.BAR_AREA / 4,
        charts.BAR_AREA,
        charts.BAR_AREA / 2,
    ]
    assert all(bar.y + bar.height == charts.BAR_AREA for bar in chart.bars)
    assert (chart.highest, chart.seconds) == (20, 6)


def test_too_little_for_a_chart_of_speed():
    assert charts.speed(None) is None
    assert charts.speed(Pace(2.0, (5, 5))) is None
    assert charts.speed(Pace(0.1, (50, 50))) is None
