"""The embedded assistant: an agent without a language model, from sentence templates to answers."""

from __future__ import annotations

from voicechat.agents.assistant.assistant import Assistant, AssistantFactory, local_environment
from voicechat.agents.assistant.grammar import SpokenGrammar
from voicechat.agents.assistant.request import Environment

__all__ = ["Assistant", "AssistantFactory", "Environment", "SpokenGrammar", "local_environment"]
