from worker.reading_order import WITHOUT_RESULT, reading_rank, suspicion


def test_suspicion_is_what_speaks_against_normal():
    assert suspicion({"COVID19": 0.2, "NORMAL": 0.7, "PNEUMONIA": 0.1}) == 1 - 0.7


def test_without_normal_the_surest_finding_is_the_most_suspicious():
    assert suspicion({"NODULE": 0.3, "MASS": 0.7}) == 0.7


def test_findings_before_uncertain_before_normal_before_no_result():
    ranks = [
        reading_rank("COVID19", {"COVID19": 0.9, "NORMAL": 0.1}, False),
        reading_rank("COVID19", {"COVID19": 0.6, "NORMAL": 0.4}, False),
        reading_rank("COVID19", {"COVID19": 0.95, "NORMAL": 0.05}, True),
        reading_rank("NORMAL", {"COVID19": 0.45, "NORMAL": 0.55}, True),
        reading_rank("NORMAL", {"COVID19": 0.3, "NORMAL": 0.7}, False),
        reading_rank("NORMAL", {"COVID19": 0.0, "NORMAL": 1.0}, False),
        WITHOUT_RESULT,
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)
