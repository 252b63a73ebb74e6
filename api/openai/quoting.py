"""What a checked request comes to at most, and the shape its answer grows in."""

import uuid

from api.openai.choices import ChatChoice, Choice, TextChoice
from api.openai.messages import NamedTool
from api.openai.parameters import ChatRequest, CompletionRequest
from inference.engines.tool_calls import CallReader
from inference.services.job_quote import Quote, job_quote

Request = ChatRequest | CompletionRequest


def quote_of(asked: Request, organisation_id: uuid.UUID) -> Quote:
    """Return the quote of each choice. Raises CuxError as `job_quote`."""
    if isinstance(asked, ChatRequest):
        return job_quote(
            organisation_id=organisation_id,
            model=asked.model,
            messages=[message.for_template() for message in asked.messages],
            tools=[tool.for_template() for tool in asked.offered],
            opening=asked.opening,
            max_tokens=asked.output_cap,
            max_compute_ucu=asked.budget_ucu,
        )
    return job_quote(
        organisation_id=organisation_id,
        model=asked.model,
        prompt=asked.text,
        prompt_token_ids=asked.token_ids,
        max_tokens=asked.output_cap,
        max_compute_ucu=asked.budget_ucu,
    )


def choice_of(asked: Request, job_id: uuid.UUID) -> Choice:
    """Return the choice that this job answers, before its first token."""
    if not isinstance(asked, ChatRequest):
        return TextChoice(logprobs=asked.logprobs is not None)
    reader = CallReader(opened=asked.must_call) if asked.offered else None
    return ChatChoice(
        job_id, reader, is_named=isinstance(asked.tool_choice, NamedTool), logprobs=asked.logprobs
    )
