"""How a question is put to the reasoner, and how it answers: the one text format of training and serving.

The prompt ends where the assistant's answer begins. Left there, the reasoner answers *directly*; with
`THINK` put into its mouth it works the answer out first, ends with `END_THINK`, and then answers:

    <|im_start|>user\\n…<|im_end|>\\n<|im_start|>assistant\\n57<|im_end|>
    <|im_start|>user\\n…<|im_end|>\\n<|im_start|>assistant\\n<think>8+9+0=17; 4+0+1=5</think>57<|im_end|>

So both modes share the prompt, and an answer is the same text in both.
"""

from typing import Final

from inference.gate.thought import END_THINK, THINK, Mode

MODES: Final[tuple[Mode, ...]] = ("direct", "think")
END: Final = "<|im_end|>"
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking %}{{ '<think>' }}{% endif %}{% endif %}"
)
"""The checkpoint's chat template: the base model's without its standing system message, which costs 20
tokens a question. `enable_thinking` chooses the mode, as in the Qwen3 family."""


def prompt(question: str, mode: Mode) -> str:
    """The prompt for one question, as the chat template writes it."""
    opening = THINK if mode == "think" else ""
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{opening}"


def answer_of(reply: str) -> str:
    """The answer in what the reasoner wrote: all that follows its thought, or everything without one.

    An unfinished thought holds no answer: it is what came of a cap on tokens, and counts as a wrong answer.
    """
    return reply.rpartition(END_THINK)[2].removesuffix(END).strip()
