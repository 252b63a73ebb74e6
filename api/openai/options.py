"""What completions and chats may ask for alike: length, sampling, providers, price."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from core.errors import Code, CuxError
from cux.wire.fields import Count
from inference.routing.preferences import Preferences
from inference.services.sampling import Sampling

Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(gt=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
Stop = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00]+\Z")]
Stops = Annotated[list[Stop], Meta(max_length=4)]
Tag = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
PositiveTokens = Annotated[int, Meta(ge=1, le=2**31 - 1)]
WaitSeconds = Annotated[float, Meta(ge=0, le=10)]
Choices = Annotated[int, Meta(ge=1, le=16)]
DecimalText = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?\Z")]
Amount = Annotated[float, Meta(ge=0, lt=1e9)] | DecimalText
ProviderName = Annotated[str, Meta(min_length=1, max_length=128)]
ProviderNames = Annotated[list[ProviderName], Meta(max_length=64)]

_UCU_PER_CU: Final = 10**6
_NANO_PER_USD: Final = 10**9


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the caller wants to find a request by: usage and statements are grouped by `tag`."""

    tag: Tag = ""


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a stream carries besides text."""

    include_usage: bool = False


class ProviderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may run the request, by name or id, and at which price (`max_price`, in US dollars per CU)."""

    order: ProviderNames = []
    only: ProviderNames = []
    ignore: ProviderNames = []
    max_price: Amount | None = None
    sort: Literal["price", "throughput", "latency"] | None = None
    allow_fallbacks: bool = True


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every answer may be asked to be.

    `max_compute_ucu` or, in CU, `max_compute_units` caps the compute, and so the cost, of each choice.
    `temperature` (1 if not given) and penalties count to the thousandth, `top_p` to the millionth. `user` is
    accepted for compatibility and has no effect on the answer. `buy` says whether compute may be bought at
    market where no entitlement covers the request: by default if the key may trade. For up to `max_wait_s` a
    request waits in line where the draw rule lets no more run at once.
    """

    model: Annotated[str, Meta(min_length=1, max_length=128)]
    max_tokens: PositiveTokens | None = None
    max_compute_ucu: Count | None = None
    max_compute_units: Amount | None = None
    n: Choices = 1
    temperature: Temperature | None = None
    top_p: Share = 1.0
    frequency_penalty: Penalty = 0.0
    presence_penalty: Penalty = 0.0
    logit_bias: dict[Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,9})\Z")], Bias] = {}
    seed: Count | None = None
    stop: Stop | Stops = []
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: Metadata = Metadata()
    provider: ProviderOptions = ProviderOptions()
    buy: bool | None = None
    max_wait_s: WaitSeconds = 3.0

    @property
    def budget_ucu(self) -> int | None:
        """Return the most compute a choice may use, in µCU; of a part of one nothing is paid.

        Raises:
            CuxError: INVALID_FIELD, both names are given.
        """
        if self.max_compute_units is None:
            return self.max_compute_ucu
        if self.max_compute_ucu is not None:
            raise CuxError(Code.INVALID_FIELD, "Send one of the two caps.", param="max_compute_units")
        return _scaled(self.max_compute_units, _UCU_PER_CU)

    @property
    def preferences(self) -> Preferences:
        """Return who may run it, as it is kept with the job."""
        asked = self.provider
        return Preferences(
            order=tuple(asked.order),
            only=tuple(asked.only),
            ignore=tuple(asked.ignore),
            max_price_nano_usd_per_cu=None
            if asked.max_price is None
            else _scaled(asked.max_price, _NANO_PER_USD),
            sort=asked.sort or "",
            allow_fallbacks=asked.allow_fallbacks,
        )

    @property
    def include_usage(self) -> bool:
        """Tell whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def drawn(self, **special: Any) -> Sampling:
        """Return how tokens are drawn, within what a lease can say: a top_p above zero stays above it."""
        bias = {token: round(value * 1_000) for token, value in self.logit_bias.items()}
        return Sampling(
            temperature_milli=round((1.0 if self.temperature is None else self.temperature) * 1_000),
            top_p_ppm=max(1, round(self.top_p * 1_000_000)),
            seed=self.seed,
            frequency_penalty_milli=round(self.frequency_penalty * 1_000),
            presence_penalty_milli=round(self.presence_penalty * 1_000),
            logit_bias_milli=bias,
            **{"stop": [self.stop] if isinstance(self.stop, str) else self.stop, **special},
        )


def _scaled(amount: float | str, scale: int) -> int:
    """Return an amount in whole smaller units, rounded down; a float is what its shortest decimals say."""
    return int(Decimal(str(amount)) * scale)
