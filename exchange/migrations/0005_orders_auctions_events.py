"""Orders of every kind, auctions, events, snapshots, limits of accounts, busts."""

import core.ids
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('exchange', '0004_terms'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountEvent',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation', 'sequence', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
                ('sequence', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('payload', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='Auction',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('scheduled', 'Scheduled'), ('volatility', 'Volatility'), ('open', 'Open'), ('reopen', 'Reopen'), ('close', 'Close')], max_length=10)),
                ('state', models.CharField(choices=[('input', 'Input'), ('no_cancel', 'No Cancel'), ('random_close', 'Random Close'), ('done', 'Done')], max_length=12)),
                ('reference_ticks', models.BigIntegerField()),
                ('started_at', models.DateTimeField()),
                ('no_cancel_at', models.DateTimeField()),
                ('close_from_at', models.DateTimeField()),
                ('closes_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('then_phase', models.CharField(choices=[('pre_open', 'Pre Open'), ('continuous', 'Continuous'), ('auction', 'Auction'), ('no_cancel', 'No Cancel'), ('cancel_only', 'Cancel Only'), ('halted', 'Halted'), ('closed', 'Closed')], max_length=12)),
                ('delivers_until', models.DateTimeField(null=True)),
                ('price_ticks', models.BigIntegerField(null=True)),
                ('volume_lots', models.BigIntegerField(default=0)),
                ('surplus_lots', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='AuctionSchedule',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('every_s', models.IntegerField()),
                ('offset_s', models.IntegerField(default=0)),
                ('input_s', models.IntegerField()),
                ('no_cancel_s', models.IntegerField()),
                ('random_close_s', models.IntegerField()),
                ('then_phase', models.CharField(choices=[('pre_open', 'Pre Open'), ('continuous', 'Continuous'), ('auction', 'Auction'), ('no_cancel', 'No Cancel'), ('cancel_only', 'Cancel Only'), ('halted', 'Halted'), ('closed', 'Closed')], max_length=12)),
                ('is_active', models.BooleanField(default=True)),
                ('last_started_for', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Bust',
            fields=[
                ('trade', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='exchange.trade')),
                ('requested_by', models.CharField(max_length=80)),
                ('approved_by', models.CharField(blank=True, max_length=80)),
                ('reason', models.CharField(max_length=200)),
                ('requested_at', models.DateTimeField()),
                ('busted_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='DeadMan',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='accounts.organisation')),
                ('timeout_s', models.IntegerField()),
                ('expires_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='FeeTier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(max_length=20)),
                ('maker_fee_ppm', models.IntegerField()),
                ('taker_fee_ppm', models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='MarketEvent',
            fields=[
                ('pk', models.CompositePrimaryKey('instrument', 'sequence', blank=True, editable=False, primary_key=True, serialize=False)),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='exchange.instrument')),
                ('sequence', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('payload', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('sequence', models.BigIntegerField(primary_key=True, serialize=False)),
                ('sha256', models.BinaryField(max_length=32)),
                ('state', models.BinaryField()),
                ('taken_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='StandingOffer',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('price_ticks', models.BigIntegerField()),
                ('quantity_lots', models.BigIntegerField()),
                ('created_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='TradingAccount',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='accounts.organisation')),
                ('is_blocked', models.BooleanField(default=False)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('fee_tier', models.CharField(blank=True, max_length=20)),
                ('max_open_orders', models.IntegerField(null=True)),
                ('max_notional_nano_usd', models.BigIntegerField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='command',
            name='effects',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='entitlement',
            name='origin',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='exchange.entitlement'),
        ),
        migrations.AddField(
            model_name='instrument',
            name='band_ppm',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='instrument',
            name='max_notional_nano_usd',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='instrument',
            name='max_open_orders',
            field=models.IntegerField(default=1000),
        ),
        migrations.AddField(
            model_name='instrument',
            name='min_order_lots',
            field=models.BigIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='instrument',
            name='reference_ticks',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='instrument',
            name='volatility_auction_s',
            field=models.IntegerField(default=30),
        ),
        migrations.AddField(
            model_name='instrument',
            name='volatility_ppm',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='order',
            name='auction_id',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='budget_nano_usd',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='display_lots',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='entitlement_id',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='expires_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='limit_ticks',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='order',
            name='maker_fee_ppm',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='order',
            name='min_lots',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='slice_lots',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='order',
            name='taker_fee_ppm',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='trade',
            name='auction_id',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='trade',
            name='is_resale',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='trade',
            name='is_selective',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='trade',
            name='is_self',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='command',
            name='payload',
            field=models.TextField(),
        ),
        migrations.AlterField(
            model_name='command',
            name='verdict',
            field=models.TextField(),
        ),
        migrations.AlterField(
            model_name='entitlement',
            name='state',
            field=models.CharField(choices=[('live', 'Live'), ('lodged', 'Lodged'), ('expired', 'Expired')], default='live', max_length=10),
        ),
        migrations.AlterField(
            model_name='instrument',
            name='phase',
            field=models.CharField(choices=[('pre_open', 'Pre Open'), ('continuous', 'Continuous'), ('auction', 'Auction'), ('no_cancel', 'No Cancel'), ('cancel_only', 'Cancel Only'), ('halted', 'Halted'), ('closed', 'Closed')], default='continuous', max_length=12),
        ),
        migrations.AlterField(
            model_name='order',
            name='status',
            field=models.CharField(choices=[('open', 'Open'), ('filled', 'Filled'), ('canceled', 'Canceled'), ('expired', 'Expired'), ('rejected', 'Rejected')], max_length=8),
        ),
        migrations.AddIndex(
            model_name='trade',
            index=models.Index(fields=['instrument', 'traded_at'], name='trade_time'),
        ),
        migrations.AddField(
            model_name='auction',
            name='instrument',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='auctions', to='exchange.instrument'),
        ),
        migrations.AddField(
            model_name='auctionschedule',
            name='instrument',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='schedules', to='exchange.instrument'),
        ),
        migrations.AddField(
            model_name='feetier',
            name='instrument',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fee_tiers', to='exchange.instrument'),
        ),
        migrations.AddField(
            model_name='standingoffer',
            name='instrument',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='standing_offers', to='exchange.instrument'),
        ),
        migrations.AddField(
            model_name='standingoffer',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation'),
        ),
        migrations.AddIndex(
            model_name='auction',
            index=models.Index(fields=['instrument', '-started_at'], name='auction_instrument'),
        ),
        migrations.AddConstraint(
            model_name='auction',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'done'), _negated=True), fields=('instrument',), name='auction_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='auctionschedule',
            constraint=models.CheckConstraint(condition=models.Q(('every_s__gt', 0), ('input_s__gt', 0), ('offset_s__gte', 0), ('no_cancel_s__gte', 0), ('random_close_s__gte', 0)), name='schedule_periods'),
        ),
        migrations.AddConstraint(
            model_name='feetier',
            constraint=models.UniqueConstraint(fields=('instrument', 'tier'), name='fee_tier_once'),
        ),
        migrations.RunSQL(
            (SQL / "terms_wider.sql").read_text(), (SQL / "terms_wider_reverse.sql").read_text()
        ),
    ]
