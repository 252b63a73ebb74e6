"""The command line `cux`: a thin shell over `cux.client`. See `docs/cli.md`.

Data goes to stdout, prose to stderr. Exit codes are those of `cux.cli.exits`.
"""

from cux.cli import (
    abuse,
    account,
    auctions,
    audits,
    batch,
    charts,
    chat,
    documents,
    files,
    job,
    keys,
    ledger,
    login,
    market,
    money_actions,
    operator,
    order,
    payments,
    payouts,
    receipt,
    usage,
    webhooks,
)
from cux.cli.root import app

__all__ = ["app"]

app.add_typer(market.app, name="market")
app.add_typer(order.app, name="order")
app.add_typer(batch.dead_man, name="dead-man")
app.add_typer(auctions.app, name="auctions")
app.add_typer(auctions.offers, name="offers")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
operator.app.add_typer(money_actions.app, name="money")
app.add_typer(operator.app, name="operator")
app.add_typer(account.entitlements, name="entitlement")
app.add_typer(job.app, name="job")
app.add_typer(files.files, name="file")
app.add_typer(files.requests, name="requests")
app.add_typer(audits.app, name="audit")
app.add_typer(receipt.app, name="receipt")
app.add_typer(ledger.app, name="ledger")
app.add_typer(payments.deposits, name="deposit")
app.add_typer(payments.refunds, name="refund")
app.add_typer(payments.cards, name="payment-methods")
app.add_typer(payments.top_ups, name="auto-top-up")
app.add_typer(payouts.payees, name="payee")
app.add_typer(payouts.payouts, name="payout")
app.add_typer(usage.budgets, name="budget")
app.add_typer(documents.invoices, name="invoice")
app.add_typer(documents.statements, name="statement")
app.add_typer(documents.profile, name="billing-profile")
abuse.register(app)
account.register(app)
charts.register(app)
chat.register(app)
files.register(app)
login.register(app)
payouts.register(app)
usage.register(app)
