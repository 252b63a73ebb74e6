"""ANALYZE leaves out what no query chooses rows by, in the tables that each order writes."""

from django.db import migrations

from core.statistics import without_statistics


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0013_retention"),
    ]

    operations = without_statistics(
        {
            "exchange_command": ("key", "body_sha256", "payload", "verdict", "effects"),
            "exchange_marketevent": ("payload",),
            "exchange_accountevent": ("payload",),
            "exchange_order": (
                *("type", "time_in_force", "post_only", "self_trade_prevention", "reason"),
                *("price_ticks", "limit_ticks", "maker_fee_ppm", "taker_fee_ppm"),
                *("budget_nano_usd", "display_lots", "slice_lots", "min_lots", "quantity_lots"),
                *("leaves_lots", "cumulative_lots", "notional_nano_usd", "fee_nano_usd"),
            ),
            "exchange_trade": (
                *("price_ticks", "quantity_lots", "notional_nano_usd"),
                *("buyer_fee_nano_usd", "seller_fee_nano_usd", "taker_side"),
            ),
            "exchange_entitlement": ("quantity_ucu", "escrow_nano_usd", "fee_nano_usd"),
        }
    )
