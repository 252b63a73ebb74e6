"""An organisation as a customer of Stripe's."""

import uuid

from accounts.models import Organisation
from billing import stripe_gateway as gateway
from billing.models import Customer
from core.ids import new_id


def customer_lock(organisation_id: uuid.UUID) -> Customer:
    """This function will return the organisation's row, made if need be, locked until the transaction ends.

    Under it its deposits and refunds are decided, one after the other.
    """
    Customer.objects.bulk_create([Customer(organisation_id=organisation_id)], ignore_conflicts=True)
    return Customer.objects.select_for_update(no_key=True).get(organisation_id=organisation_id)


def customer_ensure(organisation_id: uuid.UUID) -> str:
    """This function will return the organisation's id at Stripe, who is asked for one the first time.

    Raises as `stripe_gateway` does. No transaction may be open.
    """
    known = (
        Customer.objects.filter(organisation_id=organisation_id).values_list("stripe_id", flat=True).first()
    )
    if known is not None:
        return known
    made = _create(Organisation.objects.get(id=organisation_id))
    Customer.objects.bulk_create([Customer(organisation_id=organisation_id)], ignore_conflicts=True)
    Customer.objects.filter(organisation_id=organisation_id, stripe_id__isnull=True).update(stripe_id=made.id)
    return str(Customer.objects.values_list("stripe_id", flat=True).get(organisation_id=organisation_id))


def _create(organisation: Organisation) -> gateway.Customer:
    facts = {"organisation_id": str(organisation.id)}
    key = f"customer:{organisation.id}:create"
    try:
        return gateway.customer_create(key=key, name=organisation.name, metadata=facts)
    except gateway.Unavailable as unavailable:
        if not unavailable.is_kept:
            raise
    # Stripe would give that answer for a day. One customer too many, if there is one, is nobody's harm.
    return gateway.customer_create(key=f"{key}:{new_id()}", name=organisation.name, metadata=facts)
