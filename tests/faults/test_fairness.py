"""Two clinics on the real system: the one with few images does not wait for the one with many."""

import httpx

from tests.faults.machine import WORKERS, Machine
from tests.faults.trial import chest
from tests.support.waiting import wait_for

MANY, FEW = 1000, 10
# Each worker holds a batch of 4 in the network and has claimed the next.
IN_HAND = WORKERS * 8


def submit(machine: Machine, token: str, count: int) -> int:
    answer = httpx.post(
        f"{machine.system.url}/api/v1/jobs",
        headers={"Authorization": f"Bearer {token}"},
        files=[("files", ("chest.jpg", chest())) for _ in range(count)],
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_ten_images_beside_a_thousand_of_another_clinic(machine):
    machine.store.ensure_clinic("large", "token of the large one")
    small = machine.store.ensure_clinic("small", "token of the small one")
    large = machine.store.principal_of_token("token of the large one").clinic
    many = submit(machine, "token of the large one", MANY)
    wait_for(lambda: machine.store.job(large.id, many).counts.done > 20)
    few = submit(machine, "token of the small one", FEW)
    before = machine.store.job(large.id, many).counts.done
    wait_for(lambda: machine.store.job(small.id, few).counts.done == FEW, every_s=0.005)
    meanwhile = machine.store.job(large.id, many).counts.done - before
    assert machine.store.job(large.id, many).counts.waiting > 0, "both were at work to the end"
    # What was in hand, its own share, and what was done until this test looked.
    assert meanwhile <= IN_HAND + 2 * FEW + IN_HAND
