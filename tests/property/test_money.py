"""Any sequence of deposits, holds, trades, refunds, disputes and payouts ends where plain integers say.

Fifty sequences of thirty steps; `make soak` runs 2,000 of a hundred.
"""

import pytest
from hypothesis import HealthCheck, settings

from tests.property.money_machine import Money

pytestmark = [pytest.mark.usefixtures("db"), pytest.mark.timeout(300)]

TestMoney = Money.TestCase
TestMoney.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
