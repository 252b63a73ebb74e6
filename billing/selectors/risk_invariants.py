"""What must hold of card money, and between it and the holds on what it bought."""

from typing import Final

from billing.selectors.invariants import Invariant

INVARIANTS: Final = (
    Invariant(
        "card_lots_not_overspent",
        "of a card lot no more went than came, and providers got what was spent of it",
        """
        SELECT format('lot %s: amount %s, spent %s to providers %s, passed on %s, returned %s', l.id,
                      amount_nano_usd, spent_nano_usd, coalesce(s.total, 0), passed_on_nano_usd,
                      returned_nano_usd)
        FROM billing_cardlot l LEFT JOIN (
            SELECT lot_id, sum(earned_nano_usd + held_back_nano_usd) AS total
            FROM billing_cardspend GROUP BY 1
        ) s ON s.lot_id = l.id
        WHERE spent_nano_usd <> coalesce(s.total, 0)
            OR least(spent_nano_usd, passed_on_nano_usd, returned_nano_usd) < 0
            OR spent_nano_usd + passed_on_nano_usd + returned_nano_usd > amount_nano_usd
        ORDER BY l.id
        """,
    ),
    Invariant(
        "risk_holds_are_of_card_money",
        "no more of a provider's earnings is set aside for a card payment than that payment bought",
        """
        SELECT format('%s of account %s: set aside %s, bought %s', h.ref, h.account_id, h.placed,
                      coalesce(s.bought, 0))
        FROM (
            SELECT account_id, ref, sum(placed) AS placed
            FROM billing_hold WHERE kind = 'card_risk' GROUP BY 1, 2
        ) h
        JOIN billing_account a ON a.id = h.account_id
        LEFT JOIN (
            SELECT provider_id, 'deposit:' || payment_intent_id AS ref,
                   sum(earned_nano_usd + matured_nano_usd) AS bought
            FROM billing_cardspend JOIN billing_cardlot l ON l.id = lot_id GROUP BY 1, 2
        ) s ON s.provider_id = a.organisation_id AND s.ref = h.ref
        WHERE h.placed > coalesce(s.bought, 0) ORDER BY h.ref, h.account_id
        """,
    ),
)
