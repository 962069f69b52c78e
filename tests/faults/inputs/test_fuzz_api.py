"""Every operation as every third kind of principal, once with a made-up request, always the same.

`make faults` asks each as every kind, again and again.
"""

import pytest

from tests.faults.inputs.fuzz_api import Api


@pytest.mark.timeout(900)
def test_whatever_is_asked_the_answer_is_as_documented():
    with Api() as api:
        outcomes = [
            api.ask(asking, operation, 1, seed=place + number)
            for place, asking in enumerate(api.asking)
            for number, operation in enumerate(api.operations)
            if (place + number) % 3 == 0
        ]
    asked = sum(outcome.statuses.total() for outcome in outcomes)
    findings = [finding for outcome in outcomes for finding in outcome.findings.items()]
    assert findings == []
    assert asked > 100, "some have no request that is not allowed"
    statuses = sum((outcome.statuses for outcome in outcomes[1:]), outcomes[0].statuses)
    assert {200, 204, 403, 404, 422} <= set(statuses), statuses
