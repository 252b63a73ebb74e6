"""What is known of a provider before it is paid out: links to its payers, money that ran through."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from billing.models import Payee
from billing.rules.payouts import PassThrough, PayoutFacts

LINKED_FOR: Final = timedelta(days=180)
"""How far back payers count: longer than cardholders may dispute a payment (120 days)."""
# `paid`: lots that paid this provider. One that was passed on still names its payment, so who paid that in
# counts as a payer too.
_LINKS: Final = """
    WITH paid AS MATERIALIZED (
        SELECT l.* FROM billing_cardspend s JOIN billing_cardlot l ON l.id = s.lot_id
        WHERE s.provider_id = %(provider)s AND l.deposited_at > %(since)s
    )
    SELECT EXISTS (SELECT FROM paid JOIN billing_cardlot own USING (payment_intent_id)
                   WHERE own.organisation_id = %(provider)s),
        EXISTS (SELECT FROM paid JOIN billing_cardlot own USING (card_fingerprint)
                WHERE own.organisation_id = %(provider)s AND card_fingerprint <> ''),
        EXISTS (SELECT FROM paid JOIN billing_cardlot of_payment USING (payment_intent_id)
                JOIN billing_payee payer ON payer.organisation_id = of_payment.organisation_id
                WHERE payer.bank_fingerprint = %(bank)s AND payer.bank_fingerprint <> ''
                    AND payer.organisation_id <> %(provider)s),
        EXISTS (SELECT FROM paid WHERE address_sha256 = %(address)s AND address_sha256 <> '')
"""
_PASSED: Final = """
    SELECT coalesce(sum(l.amount_nano_usd), 0), coalesce(sum(s.earned_nano_usd + s.held_back_nano_usd), 0)
    FROM billing_cardspend s JOIN billing_cardlot l ON l.id = s.lot_id
    WHERE s.provider_id = %s AND l.deposited_at > %s
"""


def payout_facts(*, payee: Payee, pass_through_since: datetime, now: datetime) -> PayoutFacts:
    """Return what links a payee with those whose card money it earned (see `block_reason`)."""
    parameters: dict[str, Any] = {
        "provider": payee.organisation_id,
        "since": now - LINKED_FOR,
        "bank": payee.bank_fingerprint,
        "address": payee.address_sha256,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LINKS, parameters)
        same_organisation, same_card, same_bank, same_address = cursor.fetchone()
        cursor.execute(_PASSED, [payee.organisation_id, pass_through_since])
        deposited, to_provider = cursor.fetchone()
    return PayoutFacts(
        same_organisation=same_organisation,
        same_card=same_card,
        same_bank=same_bank,
        same_address=same_address,
        pass_through=PassThrough(int(deposited), int(to_provider)),
    )
