"""A double of Stripe: our own HTTP server that the official SDK talks to in place of Stripe.

Only the base address differs:

    client = stripe.StripeClient("sk_test_double", base_addresses={"api": "http://127.0.0.1:8002"})
    client.v1.customers.create({"email": "a@example.com"})

It keeps state as Stripe does (statuses, balances, idempotency keys, signed webhooks with retries), has a
clock that can be moved and faults on request, and refuses every parameter it does not know. It is a tool for
development and tests: no application package imports it. Amounts are cents (`usd`), times Unix seconds.
"""
